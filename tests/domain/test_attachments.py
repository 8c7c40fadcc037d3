"""Pictures between upload and oblivion: kept before a row names them, swept when none does."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.utils import timezone
from pytest_django import Settings

from chat.completions.families import family_of
from chat.completions.request import ImageFile
from chat.domain import accounts, attachments, conversations, files, prompts, turns
from chat.domain.attachments import AttachmentsGone, ManyInMessage, ManyUnsent
from chat.domain.estimates import Attempt, Habits
from chat.enums import MessageState, Period
from chat.models import Attachment, Budget, Completion, Conversation, Hold, User
from tests.factories import make_conversation, make_user, uploaded

pytestmark = pytest.mark.django_db(transaction=True)
LONG_AGO = timedelta(days=2)


@pytest.fixture
def ana() -> User:
    return make_user("ana")


@pytest.fixture
def conversation(ana: User) -> Conversation:
    return make_conversation(ana)


@pytest.fixture(autouse=True)
def _no_files() -> None:
    """Those of tests before are named by no row."""
    attachments.remove_unnamed_files()


def begin(conversation: Conversation, *pictures: Attachment, **more: Any) -> turns.Turn:
    return turns.begin(
        conversation=conversation,
        author=conversation.owner,
        text="What is it?",
        send_key=uuid.uuid4(),
        pictures=[picture.pk for picture in pictures],
        **more,
    )


def on_disk() -> set[str]:
    return {name for folder in files.folders() for name in files.names_in(folder)}


def named(*pictures: Attachment) -> set[str]:
    return {name for each in pictures for name in (each.sha256, each.small_sha256)}


def over(turn: turns.Turn) -> None:
    now = timezone.now()
    turn.reply.completions.update(state="failed", finished_at=now)
    turn.conversation.messages.running().update(state=MessageState.FAILED, finished_at=now)


# Files


def test_a_file_is_on_the_disk_before_a_row_names_it(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that dies between the two leaves a file that the next purge removes."""
    seen: list[set[str]] = []

    def dies(**_fields: object) -> None:
        seen.append(on_disk())
        raise KeyboardInterrupt

    monkeypatch.setattr(Attachment.objects, "create", dies)
    with pytest.raises(KeyboardInterrupt):
        uploaded(ana)
    monkeypatch.undo()

    assert [len(names) for names in seen] == [2]
    attachments.purge()
    assert on_disk() == set()


def test_a_file_that_was_half_written_has_no_name_and_goes_after_a_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def dies(_before: str, _after: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", dies)
    monkeypatch.setattr(os, "unlink", lambda _path: None)
    with pytest.raises(KeyboardInterrupt):
        files.store().save(files.name_of("ab" * 32), ContentFile(b"half"))
    monkeypatch.undo()

    (left,) = (path for folder in files.folders() for path in folder.glob(".*"))
    assert on_disk() == set()
    attachments.purge()
    assert left.exists()
    os.utime(left, (time.time() - LONG_AGO.total_seconds(),) * 2)
    attachments.purge()
    assert not left.exists()


def test_the_same_picture_twice_is_one_file_until_both_are_gone(ana: User) -> None:
    first, second = uploaded(ana), uploaded(ana)
    both = on_disk()

    attachments.remove(first)
    attachments.purge()
    after_one = on_disk()
    attachments.remove(second)
    attachments.purge()

    assert both == after_one == named(first)
    assert on_disk() == set()


def test_nothing_is_removed_while_somebody_uploads(ana: User) -> None:
    with files.store().kept():
        on_its_way = files.write(b"about to be named")
        attachments.purge()
        assert on_disk() == {on_its_way}

    attachments.purge()

    assert on_disk() == set()


def test_files_are_for_this_user_alone(ana: User) -> None:
    picture = uploaded(ana)

    path = files.path_of(picture.sha256)

    assert path.stat().st_mode & 0o077 == 0
    assert Path(files.store().location).stat().st_mode & 0o077 == 0


# Rows


def test_what_was_never_sent_goes_after_a_day_and_what_was_sent_stays(
    ana: User, conversation: Conversation
) -> None:
    old, young, sent = (uploaded(ana, colour=each) for each in ("red", "green", "blue"))
    begin(conversation, sent)
    Attachment.objects.exclude(pk=young.pk).update(created_at=timezone.now() - LONG_AGO)

    attachments.purge()

    assert set(Attachment.objects.all()) == {young, sent}
    assert on_disk() == named(young, sent)
    assert not Attachment.objects.filter(pk=old.pk).exists()


def test_pictures_go_with_their_conversation_and_with_who_is_erased(
    ana: User, conversation: Conversation
) -> None:
    ben = make_user("ben")
    theirs = uploaded(ben, colour="yellow")
    over(begin(conversation, uploaded(ana, conversation)))
    uploaded(ana, colour="red")
    deleted = make_conversation(ana)
    over(begin(deleted, uploaded(ana, deleted, colour="blue")))
    Conversation.objects.filter(pk=deleted.pk).update(deleted_at=timezone.now() - 5 * LONG_AGO)

    conversations.purge()
    attachments.purge()
    after_purge = len(on_disk())
    accounts.erase(user=ana)
    attachments.purge()

    assert after_purge == 6
    assert list(Attachment.objects.all()) == [theirs]
    assert on_disk() == named(theirs)


def test_one_person_may_have_so_much_lying_about(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments, "MOST_UNSENT", 2)
    uploaded(make_user("ben"))
    first = uploaded(ana)
    uploaded(ana)

    with pytest.raises(ManyUnsent):
        uploaded(ana)
    attachments.remove(first)
    uploaded(ana)
    monkeypatch.setattr(attachments, "MOST_UNSENT_BYTES", first.size)
    monkeypatch.setattr(attachments, "MOST_UNSENT", 10)
    with pytest.raises(ManyUnsent):
        uploaded(ana)


def test_a_refused_turn_leaves_its_pictures_where_they_were(
    ana: User, conversation: Conversation
) -> None:
    picture = uploaded(ana, conversation)
    with pytest.raises(AttachmentsGone):
        begin(conversation, picture, uploaded(make_user("ben")))
    with pytest.raises(ManyInMessage):
        turns.begin(
            conversation=conversation,
            author=ana,
            text="All",
            send_key=uuid.uuid4(),
            pictures=[uuid.uuid4() for _ in range(17)],
        )

    picture.refresh_from_db()

    assert (picture.message, picture.conversation) == (None, conversation)
    assert not conversation.messages.exists()


def test_pictures_of_another_conversation_cannot_be_taken_by_an_edit(
    ana: User, conversation: Conversation
) -> None:
    mine, elsewhere = uploaded(ana, conversation), make_conversation(ana)
    first = begin(conversation, mine)
    over(first)
    second = begin(elsewhere, uploaded(ana, elsewhere))
    over(second)

    with pytest.raises(AttachmentsGone):
        begin(elsewhere, mine, instead_of=second.prompt)
    third = begin(conversation, mine, instead_of=first.prompt)

    assert [each.sha256 for each in third.prompt.attachments.all()] == [mine.sha256]
    assert list(first.prompt.attachments.all()) == [mine]


# Requests


def of_sizes(sizes: Iterable[int]) -> list[Any]:
    return [SimpleNamespace(size=size) for size in sizes]


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ({1: [1] * 10, 3: [1] * 6}, {1: 10, 3: 6}),
        ({1: [1] * 10, 3: [1] * 10}, {1: 6, 3: 10}),
        ({1: [1], 3: [1] * 16}, {3: 16}),
        ({1: [9_000_000, 4_000_000], 3: [9_000_000]}, {1: 1, 3: 1}),
        ({1: [1], 3: [21_000_000]}, {}),
    ],
)
def test_a_request_has_the_newest_pictures_within_its_bounds(
    said: dict[int, list[int]], sent: dict[int, int]
) -> None:
    pictures = {key: of_sizes(sizes) for key, sizes in said.items()}

    chosen = prompts.sent(pictures, model="gemini-3-pro-preview")

    assert {key: len(each) for key, each in chosen.items() if each} == sent
    # Of one message the last ones, in their order.
    assert all(pictures[key][-len(each) :] == each for key, each in chosen.items() if each)
    assert prompts.sent(pictures, model="grok-4.6") == {}


def test_what_a_picture_may_take_is_held_and_estimated(
    ana: User, conversation: Conversation, settings: Settings
) -> None:
    Budget.objects.create(user=ana, period=Period.DAY, tokens=10_000_000, is_hard=False)
    over(begin(conversation))
    bare = Hold.objects.order_by("pk").last()
    other = make_conversation(ana)
    begin(other, uploaded(ana, other), uploaded(ana, other, colour="red"))
    held = Hold.objects.order_by("pk").last()
    each = family_of(conversation.model).image_tokens

    assert bare is not None
    assert held is not None
    assert held.amount - bare.amount == 2 * each

    row = Completion(model_asked=conversation.model, prompt_characters=30, prompt_messages=1)
    row.started_at = row.finished_at = timezone.now()
    without = Attempt.of(row, heard_at=None).prompt(Habits())
    row.prompt_pictures = 2
    estimate = Attempt.of(row, heard_at=None).prompt(Habits())
    assert estimate.low == without.low
    assert estimate.high == without.high + 2 * each
    assert without.likely < estimate.likely < estimate.high


def test_a_request_names_its_pictures(ana: User, conversation: Conversation) -> None:
    picture = uploaded(ana, conversation)
    turn = begin(conversation, picture)

    request = prompts.request_for(turn.reply, model=conversation.model)

    assert request.files == (ImageFile(picture.sha256, "image/png", picture.size),)
    assert prompts.characters(request) == len("What is it?")
