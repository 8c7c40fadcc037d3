"""A person who is erased becomes a pseudonym, what they wrote goes, and every figure stays."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from chat.domain import accounts, asking, conversations, turns
from chat.enums import MessageState, News, Period
from chat.models import Budget, Completion, Conversation, JournalPiece, Message, Notice, Total, User
from chat.queries import invariants
from tests.factories import begin_turn, make_conversation, make_turn
from tests.usage.conftest import ClientFor, Spend

PEOPLE = "/admin/chat/user/"
FIGURES = ("pk", "user_id", "cost_centre", "prompt_tokens", "completion_tokens", "cost", "state")


@pytest.fixture
def ben(ben: User) -> User:
    """With everything that is kept of a person."""
    User.objects.filter(pk=ben.pk).update(
        cost_centre="R&D",
        language="es",
        time_zone="Europe/Madrid",
        theme="dark",
        is_reviewer=True,
        last_login=timezone.now(),
    )
    ben.refresh_from_db()
    ben.groups.add(Group.objects.create(name="Chemists"))
    EmailAddress.objects.create(user=ben, email=ben.email, verified=True, primary=True)
    return ben


def ledger() -> tuple[list[Any], list[Any]]:
    return list(Completion.objects.order_by("pk").values(*FIGURES)), list(
        Total.objects.order_by("pk").values()
    )


def ask(client: Any, *people: User, **more: str) -> Any:
    """The administration's action."""
    data = {"action": "erase", "_selected_action": [person.pk for person in people]}
    return client.post(PEOPLE, data | more, follow=True)


def test_nothing_is_left_that_says_who_it_was(ben: User) -> None:
    accounts.erase(user=ben)

    ben.refresh_from_db()
    assert (ben.name, ben.email) == (f"Erased person {ben.pk}", f"erased-{ben.pk}")
    assert [ben.is_active, ben.is_reviewer, ben.has_usable_password()] == [False] * 3
    assert ben.last_login is None
    kept = (ben.cost_centre, ben.language, ben.time_zone, ben.theme, ben.groups.count())
    assert kept == ("", "", "", "auto", 0)
    assert not EmailAddress.objects.filter(user=ben).exists()


def test_words_and_news_of_them_go_and_what_was_granted_stays(
    ana: User, ben: User, cleo: User
) -> None:
    budget = Budget.objects.create(period=Period.MONTH, tokens=1000)
    request = asking.ask(budget=budget, user=ben, reason="For the thesis")
    asking.grant(request, by=ana, amount=500, until=timezone.now() + timedelta(days=1), words="Ok")
    news = {"subject": "of Cleo", "expires_at": timezone.now()}
    kept = Notice.objects.create(user=cleo, kind=News.BUDGET_LOW, **news)

    accounts.erase(user=ben)

    request.refresh_from_db()
    assert (request.reason, request.words, request.granted) == ("", "", 500)
    assert list(Notice.objects.all()) == [kept]


def test_their_sessions_end_and_nobody_elses(
    ben: User,
    cleo: User,
    client_for: ClientFor,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    client_for(ben)
    cleos = client_for(cleo)

    with django_capture_on_commit_callbacks(execute=True):
        accounts.erase(user=ben)

    assert [session.pk for session in Session.objects.all()] == [cleos.session.session_key]


def test_what_they_wrote_goes_and_what_others_wrote_stays(
    ben: User, cleo: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversations, "MESSAGES_AT_ONCE", 3)
    theirs = make_conversation(ben)
    first = make_turn(theirs)
    turns.try_again(conversation=theirs, reply=make_turn(theirs).reply, author=ben)
    Message.objects.filter(conversation=theirs).running().update(
        state=MessageState.STOPPED, finished_at=timezone.now()
    )
    Completion.objects.open().update(state="failed", finished_at=timezone.now())
    JournalPiece.objects.create(message=first.reply, number=1, text="A word")
    conversations.delete(make_conversation(ben))
    others = make_turn(make_conversation(cleo))

    accounts.erase(user=ben)

    assert set(Message.objects.all()) == {others.prompt, others.reply}
    assert [each.owner for each in Conversation.objects.all()] == [cleo]
    assert not JournalPiece.objects.exists()


def test_no_figure_changes(ben: User, spend: Spend, estimated: Spend) -> None:
    conversation = make_conversation(ben)
    message = make_turn(conversation).reply
    spend(cost_centre="R&D", conversation=conversation, message=message)
    estimated(prompt=70, output=80, cost_centre="R&D", conversation=conversation)
    call_command("usage", "rebuild")
    before = ledger()

    accounts.erase(user=ben)

    assert ledger() == before
    assert before[0][-1]["cost_centre"] == "R&D"
    assert not Completion.objects.exclude(conversation=None, message=None).exists()
    call_command("usage", "verify")
    assert invariants.broken() == []


def test_a_running_reply_is_told_to_stop_and_goes_when_it_has_ended(ben: User) -> None:
    turn = begin_turn(make_conversation(ben), "A secret")

    accounts.erase(user=ben)

    turn.reply.refresh_from_db()
    assert turn.reply.stop_requested_at is not None
    assert not Conversation.objects.visible_to(ben).exists()

    Message.objects.filter(pk=turn.reply.pk).update(
        state=MessageState.STOPPED, finished_at=timezone.now()
    )
    conversations.purge()
    assert Message.objects.exists(), "its figures are still being read"

    Completion.objects.update(state="failed", finished_at=timezone.now())
    conversations.purge()
    assert not Message.objects.exists()
    assert Completion.objects.get().user == ben


def test_the_same_address_is_another_person_later(ben: User, spend: Spend) -> None:
    spend()
    accounts.erase(user=ben)

    accounts.invite("ben@example.org")

    another = User.objects.get(email="ben@example.org")
    assert another != ben
    assert not another.completions.exists()
    assert ben.completions.count() == 1


def test_nobody_is_invited_by_a_pseudonym(ana: User, ben: User) -> None:
    accounts.erase(user=ben)

    with pytest.raises(accounts.Unusable):
        accounts.invite(f"erased-{ben.pk}")


# In the administration


def test_an_administrator_is_asked_before_anything_goes(
    ana: User, ben: User, client_for: ClientFor
) -> None:
    client = client_for(ana)

    page = ask(client, ana, ben)

    ben.refresh_from_db()
    assert ben.erased_at is None
    text = page.content.decode()
    assert "Erase 1 person" in text
    assert "ben@example.org" in text
    assert "This cannot be taken back." in text

    said = ask(client, ana, ben, is_sure="Erase").content.decode()

    assert "1 person is erased." in said
    assert set(User.objects.exclude(erased_at=None)) == {ben}
    ana.refresh_from_db()
    assert ana.is_administrator


def test_the_log_of_the_administration_does_not_keep_the_name(
    ana: User, ben: User, cleo: User, client_for: ClientFor
) -> None:
    for person in (ben, cleo):
        LogEntry.objects.create(
            user=ana,
            content_type=ContentType.objects.get_for_model(User),
            object_id=str(person.pk),
            object_repr=person.name,
            action_flag=CHANGE,
        )

    ask(client_for(ana), ben, is_sure="Erase")

    names = LogEntry.objects.order_by("pk").values_list("object_repr", flat=True)
    assert list(names) == [f"Erased person {ben.pk}", "Cleo", f"Erased person {ben.pk}"]


@pytest.mark.parametrize("who", ["rita", "cleo"])
def test_nobody_but_an_administrator_erases_anybody(
    ben: User, client_for: ClientFor, who: str, request: pytest.FixtureRequest
) -> None:
    answer = ask(client_for(request.getfixturevalue(who)), ben, is_sure="Erase")

    ben.refresh_from_db()
    assert answer.status_code == 403
    assert ben.erased_at is None


def test_who_is_erased_is_not_changed_any_more(ana: User, ben: User, client_for: ClientFor) -> None:
    accounts.erase(user=ben)

    answer = client_for(ana).post(
        f"{PEOPLE}{ben.pk}/change/", {"display_name": "Ben", "is_active": "on"}
    )

    ben.refresh_from_db()
    assert answer.status_code == 403
    assert (ben.name, ben.is_active) == (f"Erased person {ben.pk}", False)
