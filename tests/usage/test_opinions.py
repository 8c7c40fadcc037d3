"""What people thought of answers, as reviewers see it."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest

from chat.domain import conversations
from chat.enums import Verdict, Why
from chat.models import Feedback, User
from tests.factories import make_conversation, make_turn
from tests.usage.conftest import ClientFor

NOVEMBER = {"start": "2026-11-01", "end": "2026-11-30"}
SECRET = "About the xylophonist it is wrong"


@pytest.fixture
def say(ben: User) -> Any:
    def give(verdict: Verdict, *, day: int = 10, month: int = 11, **fields: Any) -> Feedback:
        given_at = datetime(2026, month, day, 12, tzinfo=UTC)
        defaults = {"model": "gpt", "reasons": [], "user": ben, "given_at": given_at}
        return Feedback.objects.create(verdict=verdict, **(defaults | fields))

    return give


def test_verdicts_are_counted_by_model_beside_those_of_the_time_before(
    rita: User, client_for: ClientFor, say: Any
) -> None:
    for verdict, fields in (
        (Verdict.GOOD, {}),
        (Verdict.GOOD, {"reasons": [Why.CLEAR]}),
        (Verdict.BAD, {"reasons": [Why.WRONG, Why.LONG]}),
        (Verdict.BAD, {"model": "=kimi"}),
        (Verdict.GOOD, {"month": 10, "day": 20}),
        (Verdict.BAD, {"month": 12, "day": 1}),
        (Verdict.BAD, {"month": 9, "day": 1}),
    ):
        say(verdict, **fields)
    rita_sees = client_for(rita)

    page = rita_sees.get("/usage/team/feedback/", NOVEMBER).content.decode()
    file = rita_sees.get("/usage/team/feedback.csv", NOVEMBER).content.decode("utf-8-sig")

    rows = list(csv.DictReader(io.StringIO(file)))
    assert [row["model"] for row in rows] == ["gpt", "'=kimi"]
    counted = ("good", "bad", "good_before", "bad_before", "clear", "wrong", "long", "right")
    assert [rows[0][name] for name in counted] == ["2", "1", "1", "0", "1", "1", "1", "0"]
    for words in ("66.7", "100", "It is clear 1", "=kimi"):
        assert words in page


def test_words_are_shown_where_they_may_be_without_name_and_chat(
    rita: User, ben: User, client_for: ClientFor, say: Any
) -> None:
    conversation = make_conversation(ben, title="About marimbas")
    reply = make_turn(conversation).reply
    given = say(Verdict.BAD, message=reply, text=SECRET)
    rita_sees = client_for(rita)

    assert SECRET not in rita_sees.get("/usage/team/feedback/", NOVEMBER).content.decode()
    Feedback.objects.filter(pk=given.pk).update(may_be_read=True)
    page = rita_sees.get("/usage/team/feedback/", NOVEMBER).content.decode()
    assert SECRET in page
    for unseen in ("Ben", "ben@", "marimbas", str(conversation.pk)):
        assert unseen not in page
    assert SECRET not in rita_sees.get("/usage/team/feedback.csv", NOVEMBER).content.decode()
    conversations.delete(conversation)
    assert SECRET not in rita_sees.get("/usage/team/feedback/", NOVEMBER).content.decode()


def test_where_nobody_has_said_anything_the_page_says_how(
    rita: User, client_for: ClientFor
) -> None:
    page = client_for(rita).get("/usage/team/feedback/", NOVEMBER).content.decode()

    assert "Nobody has said in this time" in page
