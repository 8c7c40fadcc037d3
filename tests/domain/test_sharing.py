"""Links to a conversation: what they open, for whom, and when they end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from chat.domain import accounts, conversations, sharing
from chat.models import Conversation, ShareLink, ShareOpening, User
from chat.queries import sharing as queries
from tests.factories import make_conversation, make_user

pytestmark = pytest.mark.django_db
WEEK = timedelta(days=7)


@pytest.fixture
def ben() -> User:
    return make_user("ben")


def opened(token: str, user: User | AnonymousUser) -> list[Conversation]:
    return list(Conversation.objects.readable_through(token, user))


def test_a_link_opens_its_conversation_to_whoever_is_signed_in_and_no_other(
    conversation: Conversation, ben: User
) -> None:
    other = make_conversation(conversation.owner)
    made = sharing.share(conversation, by=conversation.owner, lasts=WEEK)

    assert opened(made.token, ben) == opened(made.token, conversation.owner) == [conversation]
    assert opened(made.token, AnonymousUser()) == []
    assert opened(made.token + "x", ben) == opened("", ben) == []
    assert opened(made.link.token_hash, ben) == []
    # By the link it is read: it is in nobody's list, and nobody may write in it.
    assert other not in Conversation.objects.visible_to(ben)
    assert not Conversation.objects.visible_to(ben).exists()
    assert not Conversation.objects.open_to(ben).exists()


def test_a_token_is_long_and_kept_nowhere(conversation: Conversation) -> None:
    made = [sharing.share(conversation, by=conversation.owner, lasts=WEEK) for _ in range(2)]

    row = ShareLink.objects.filter(pk=made[0].link.pk).values().get()
    assert made[0].token != made[1].token
    assert len(made[0].token) == 32  # of 64 characters: 192 bits
    assert made[0].token not in str(row) + repr(made[0])


ENDS: dict[str, Callable[[ShareLink, User], object]] = {
    "revoked": lambda link, _ben: sharing.end(link),
    "expired": lambda link, _ben: ShareLink.objects.update(
        created_at=timezone.now() - WEEK, expires_at=timezone.now()
    ),
    "chat deleted": lambda link, _ben: conversations.delete(link.conversation),
    "owner switched off": lambda link, _ben: accounts.switch_off(user=link.created_by),
    "owner erased": lambda link, _ben: accounts.erase(user=link.created_by),
    "reader switched off": lambda _link, ben: accounts.switch_off(user=ben),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS.keys())
def test_a_link_ends(
    conversation: Conversation, ben: User, end: Callable[[ShareLink, User], object]
) -> None:
    made = sharing.share(conversation, by=conversation.owner, lasts=WEEK)
    assert opened(made.token, ben) == [conversation]

    end(made.link, ben)

    assert opened(made.token, ben) == []


def test_the_tokens_that_are_current_are_told_from_the_others(conversation: Conversation) -> None:
    first, second = (
        sharing.share(conversation, by=conversation.owner, lasts=WEEK) for _ in range(2)
    )
    sharing.end(first.link)

    assert queries.current_tokens([first.token, second.token, "none"]) == {second.token}


def test_an_end_that_has_come_stays_when_it_was(conversation: Conversation) -> None:
    link = sharing.share(conversation, by=conversation.owner, lasts=WEEK).link
    sharing.end(link)
    ended_at = ShareLink.objects.get().revoked_at

    sharing.end(link)

    assert ShareLink.objects.get().revoked_at == ended_at


def test_a_chat_has_no_end_of_links(conversation: Conversation) -> None:
    made = [
        sharing.share(conversation, by=conversation.owner, lasts=WEEK)
        for _ in range(sharing.MOST_LINKS)
    ]

    with pytest.raises(sharing.TooManyLinks):
        sharing.share(conversation, by=conversation.owner, lasts=WEEK)

    sharing.end(made[0].link)
    assert sharing.share(conversation, by=conversation.owner, lasts=WEEK)


def test_who_opened_it_is_told_and_forgotten_with_them(
    conversation: Conversation, ben: User
) -> None:
    cleo = make_user("cleo")
    link = sharing.share(conversation, by=conversation.owner, lasts=WEEK).link
    for reader in (ben, ben, conversation.owner):
        sharing.note_opened(link, reader=reader)
    ShareOpening.objects.update(last_at=timezone.now() - timedelta(hours=1))
    for reader in (cleo, ben):
        sharing.note_opened(link, reader=reader)

    [shared] = queries.links_to(conversation)
    told = [(opening.reader, opening.times) for opening in shared.openings]
    assert (told, shared.times) == ([(ben, 2), (cleo, 1)], 3)

    accounts.erase(user=ben)

    assert [opening.reader for opening in ShareOpening.objects.all()] == [cleo]
