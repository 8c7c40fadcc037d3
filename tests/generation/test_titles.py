"""A title that the model makes: asked for once, beside the replies, and never over a person's."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from asgiref.sync import sync_to_async
from django.utils import translation
from pytest_django import Settings

from chat.domain import conversations, titles, turns
from chat.domain.ledger import Receipt, close_forgotten
from chat.enums import CompletionState, Fault, Period, Source, TitleFrom
from chat.generation import titling
from chat.generation.service import Service
from chat.models import Budget, Completion, Conversation, Message, Process, User
from chat.queries import invariants
from tests.factories import make_turn
from tests.generation.conftest import Ask, sealed
from tests.upstream.process import Upstream

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = "Which birds stay over the winter?"
ASKED_FOR_TITLE = titles.ASK.split(".")[0]


@pytest.fixture
def conversation(ana: User, settings: Settings) -> Conversation:
    settings.MAKES_TITLES = True
    return Conversation(owner=ana, model=settings.MODELS[0])


async def title_row(conversation: Conversation, *, closed: bool = True) -> Completion:
    async with asyncio.timeout(10):
        while True:
            rows = Completion.objects.filter(conversation=conversation, source=Source.TITLE)
            row = await rows.afirst()
            if row is not None and (row.state != CompletionState.OPEN or not closed):
                return row
            await asyncio.sleep(0.01)


async def test_the_first_answer_brings_a_title_by_a_call_of_its_own(
    conversation: Conversation, ask: Ask, service: Service, upstream: Upstream
) -> None:
    upstream.says("**Winter birds**\n\nThat is it.", match=ASKED_FOR_TITLE, prompt_tokens=70)

    turn = await ask(conversation, QUESTION)
    await sealed(turn.reply)
    row = await title_row(conversation)

    await conversation.arefresh_from_db()
    assert conversation.title == "Winter birds"
    assert conversation.title_from == TitleFrom.MODEL
    assert conversation.title_revision == conversation.revision
    call = upstream.last.body
    assert call["stream"] is False
    assert "stream_options" not in call
    assert 0 < call["max_tokens"] <= titles.MAX_TOKENS
    assert QUESTION in upstream.last.prompt
    assert (row.state, row.prompt_tokens, row.message_id) == (CompletionState.FINAL, 70, None)
    assert await sync_to_async(invariants.broken)() == []


async def test_the_second_answer_asks_for_none(
    conversation: Conversation, ask: Ask, upstream: Upstream
) -> None:
    first = await ask(conversation, QUESTION)
    await sealed(first.reply)
    await title_row(conversation)
    conversation = await Conversation.objects.select_related("owner").aget(pk=conversation.pk)
    second = await ask(conversation, "And in summer?")
    await sealed(second.reply)

    assert len(upstream.requests) == 3
    assert await Completion.objects.filter(source=Source.TITLE).acount() == 1


async def test_what_a_person_types_while_it_is_asked_for_stays(
    conversation: Conversation, ask: Ask, upstream: Upstream
) -> None:
    upstream.holds_after(0, "Winter birds", match=ASKED_FOR_TITLE)
    turn = await ask(conversation, QUESTION)
    await sealed(turn.reply)
    await asyncio.to_thread(upstream.wait_until_held)

    kept = await Conversation.objects.aget(pk=conversation.pk)
    await sync_to_async(conversations.rename)(kept, title="Mine")
    upstream.release()
    await title_row(conversation)

    await kept.arefresh_from_db()
    assert (kept.title, kept.title_from) == ("Mine", TitleFrom.PERSON)


@pytest.mark.parametrize(
    "answer", [{"status": 500}, {"pieces": [], "finish": "length"}, {"pieces": [" \n\u202e\n"]}]
)
async def test_by_a_failure_or_an_empty_answer_the_first_words_stay(
    conversation: Conversation, ask: Ask, upstream: Upstream, answer: dict[str, object]
) -> None:
    upstream.script(match=ASKED_FOR_TITLE, **answer)
    turn = await ask(conversation, QUESTION)
    await sealed(turn.reply)
    await title_row(conversation)

    await conversation.arefresh_from_db()
    assert conversation.title == QUESTION
    assert conversation.title_from == TitleFrom.ASKED
    assert await sync_to_async(invariants.broken)() == []


async def test_an_end_of_the_process_ends_the_call_and_closes_its_row(
    conversation: Conversation, ask: Ask, service: Service, upstream: Upstream
) -> None:
    upstream.holds_after(0, "Winter birds", match=ASKED_FOR_TITLE)
    turn = await ask(conversation, QUESTION)
    await sealed(turn.reply)
    await asyncio.to_thread(upstream.wait_until_held)

    await service.drain()

    await asyncio.to_thread(upstream.wait_until_client_left)
    row = await title_row(conversation)
    assert row.state == CompletionState.ESTIMATED
    assert await sync_to_async(invariants.broken)() == []


def test_who_wants_none_or_has_no_budget_is_asked_nothing(
    conversation: Conversation, settings: Settings
) -> None:
    claim = Process.objects.create(name="this").pk
    reply = make_turn(conversation, QUESTION).reply
    owner = conversation.owner

    User.objects.update(wants_titles=False)
    assert titles.ask(reply.pk, claim) is None
    User.objects.update(wants_titles=True)
    settings.MAKES_TITLES = False
    assert titles.ask(reply.pk, claim) is None
    settings.MAKES_TITLES = True
    budget = Budget.objects.create(user=owner, period=Period.DAY, tokens=100)
    assert titles.ask(reply.pk, claim) is None
    budget.delete()

    assert titles.ask(reply.pk, claim) is not None
    assert titles.ask(reply.pk, claim) is None


async def test_a_call_that_takes_too_long_is_given_up(
    conversation: Conversation, ask: Ask, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(titling, "LONGEST_SECONDS", 0.05)
    upstream.holds_after(0, "Winter birds", match=ASKED_FOR_TITLE)
    turn = await ask(conversation, QUESTION)
    await sealed(turn.reply)

    row = await title_row(conversation)

    assert row.error == Fault.TIMED_OUT
    await conversation.arefresh_from_db()
    assert conversation.title == QUESTION


def test_a_title_that_is_not_of_these_words_is_not_replaced(conversation: Conversation) -> None:
    """As that of the first version of a message that was edited since."""
    reply = make_turn(conversation, QUESTION).reply
    Conversation.objects.update(title="Other words")

    assert titles.ask(reply.pk, Process.objects.create(name="this").pk) is None


def test_pictures_alone_give_a_chat_its_first_title_in_any_language(
    conversation: Conversation,
) -> None:
    with translation.override("es"):
        reply = make_turn(conversation, "").reply

    assert titles.ask(reply.pk, Process.objects.create(name="this").pk) is not None
    assert conversation.title == "Imagen"


def test_a_process_that_is_given_up_asks_for_none(conversation: Conversation) -> None:
    reply = make_turn(conversation, QUESTION).reply

    assert titles.ask(reply.pk, uuid.uuid4()) is None
    assert not Completion.objects.filter(source=Source.TITLE).exists()


def test_of_a_long_turn_its_beginnings_are_sent_and_the_owners_cost_centre_pays(
    conversation: Conversation,
) -> None:
    centre = "Birds"
    conversation.owner.cost_centre = centre
    conversation.owner.save()
    reply = make_turn(conversation, "q" * 5000, "a" * 5000).reply

    asking = titles.ask(reply.pk, Process.objects.create(name="this").pk)

    assert asking is not None
    words = str(asking.request.messages[0].content)
    most = titles.LONGEST_PART
    assert ("q" * most in words, "a" * most in words) == (True, True)
    assert len(words) <= len(titles.ASK) + 2 * most
    assert Completion.objects.get(pk=asking.completion_id).cost_centre == centre


def test_a_chat_that_is_deleted_meanwhile_gets_none(conversation: Conversation) -> None:
    reply = make_turn(conversation, QUESTION).reply
    asking = titles.ask(reply.pk, Process.objects.create(name="this").pk)
    assert asking is not None
    conversations.delete(conversation)

    assert not titles.finish(asking, Receipt(http_status=200), "Winter birds")

    conversation.refresh_from_db()
    assert conversation.title == QUESTION
    assert Completion.objects.get(pk=asking.completion_id).state != CompletionState.OPEN


def test_the_row_of_a_process_that_is_gone_is_closed_and_its_hold_goes(
    conversation: Conversation,
) -> None:
    process = Process.objects.create(name="gone")
    reply = make_turn(conversation, QUESTION).reply
    Budget.objects.create(user=conversation.owner, period=Period.DAY, tokens=100_000)
    asking = titles.ask(reply.pk, process.pk)
    assert asking is not None
    row = Completion.objects.get(pk=asking.completion_id)

    assert row.holds.count() == 1
    assert (titles.close_left(), close_forgotten()) == (0, 0)
    assert invariants.broken() == []
    process.delete()
    assert [each.invariant.name for each in invariants.broken()] == ["sealed_reply_has_no_open_row"]
    assert titles.close_left() == 1

    row.refresh_from_db()
    assert row.state == CompletionState.ESTIMATED
    assert invariants.broken() == []


def test_titles_count_for_no_limit_of_messages_or_answers(
    conversation: Conversation, settings: Settings
) -> None:
    settings.MESSAGES_PER_MINUTE, settings.MAX_REPLIES_PER_USER = 2, 1
    reply = make_turn(conversation, QUESTION).reply
    assert titles.ask(reply.pk, Process.objects.create(name="this").pk) is not None

    conversation.refresh_from_db()
    make_turn(conversation, "The second in this minute")

    with pytest.raises(turns.TooFast):
        make_turn(conversation, "The third")
    assert Message.objects.replies().count() == 2


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("Winter birds", "Winter birds"),
        ("\n\n# “Winter birds”.\nMore", "Winter birds"),
        ("<script>alert(1)</script><b>Birds</b>", "alert(1)Birds"),
        ("[Birds](https://example.org) ![x](data:,)", "Birds x"),
        ("a\u202eb\u0000c\u2028d", "a b c"),
        ("**1. Birds**", "1. Birds"),
        ("- `Birds`", "Birds"),
        ("", ""),
        ("```\n", ""),
        ("鳥 " * 200, "鳥 " * 39 + "鳥…"),
    ],
)
def test_a_title_is_one_bounded_line_of_plain_words(said: str, title: str) -> None:
    assert titles.cleaned(said) == title
