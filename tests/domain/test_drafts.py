"""Drafts: no device overwrites what another one wrote, and what is sent stands nowhere else."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from chat.domain import accounts, conversations, drafts, queued, turns
from chat.domain.drafts import Outdated
from chat.models import Conversation, Draft, User
from tests.domain.conftest import at_once
from tests.factories import begin_turn, make_conversation, make_turn

pytestmark = pytest.mark.django_db
FIRST, SECOND, KEY = (uuid.uuid4() for _ in range(3))


def save(
    user: User, conversation: Conversation | None, text: str, version: uuid.UUID, *based: uuid.UUID
) -> None:
    drafts.save(user=user, conversation=conversation, text=text, version=version, based_on=based)


def text_of(user: User, conversation: Conversation | None) -> str | None:
    return Draft.objects.of(user).beside(conversation).values_list("text", flat=True).first()


def begin(
    user: User, conversation: Conversation | None, text: str, *drafted: uuid.UUID
) -> turns.Turn:
    begun = conversation or Conversation(owner=user, model="m")
    return turns.begin(
        conversation=begun, author=user, text=text, send_key=uuid.uuid4(), drafted=drafted
    )


def test_each_composer_of_each_person_has_one(
    ana: User, ben: User, conversation: Conversation
) -> None:
    save(ana, conversation, "In the talk", FIRST)
    save(ana, None, "A new one", FIRST)
    save(ben, None, "Ben's", FIRST)

    assert text_of(ana, conversation) == "In the talk"
    assert text_of(ana, None) == "A new one"
    assert text_of(ben, None) == "Ben's"
    assert text_of(ben, conversation) is None
    assert text_of(ana, make_conversation(ana)) is None


@pytest.mark.parametrize("is_new", [True, False])
def test_whoever_builds_on_an_older_version_is_told_the_newer_one_and_changes_nothing(
    ana: User, conversation: Conversation, is_new: bool
) -> None:
    place = None if is_new else conversation
    save(ana, place, "One", FIRST)
    save(ana, place, "One two", SECOND, FIRST)

    with pytest.raises(Outdated) as told:
        save(ana, place, "Another", uuid.uuid4(), FIRST)

    assert (told.value.newer.text, told.value.newer.version) == ("One two", SECOND)
    assert text_of(ana, place) == "One two"


def test_a_save_whose_answer_was_lost_is_built_on_by_its_own_name(ana: User) -> None:
    save(ana, None, "One", FIRST)
    save(ana, None, "One", FIRST)

    save(ana, None, "One two", SECOND, uuid.uuid4(), FIRST)

    assert text_of(ana, None) == "One two"


def test_where_nothing_is_kept_any_more_there_is_nothing_to_overwrite(ana: User) -> None:
    save(ana, None, "Based on what was swept", SECOND, FIRST)

    assert text_of(ana, None) == "Based on what was swept"


@pytest.mark.parametrize("is_new", [True, False])
def test_of_many_devices_at_once_one_writes_and_the_others_are_told(
    transactional_db: None, ana: User, conversation: Conversation, is_new: bool
) -> None:
    place = None if is_new else conversation

    def write() -> None:
        version = uuid.uuid4()
        save(ana, place, str(version), version)

    results = at_once(write)

    assert [result for result in results if result is None] == [None]
    assert {type(result) for result in results} == {type(None), Outdated}


@pytest.mark.parametrize(
    ("sent", "drafted"),
    [("Hello", ()), ("Hello and more", (FIRST,)), ("Hello and more", (SECOND, FIRST))],
)
@pytest.mark.parametrize("is_new", [True, False])
def test_what_is_sent_is_a_draft_no_more(
    ana: User,
    conversation: Conversation,
    is_new: bool,
    sent: str,
    drafted: tuple[uuid.UUID, ...],
) -> None:
    place = None if is_new else conversation
    save(ana, place, "Hello", FIRST)

    turn = begin(ana, place, sent, *drafted)

    assert text_of(ana, place) == ""
    assert Draft.objects.get().version == turn.prompt.send_key


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize("was_saved", [True, False])
def test_a_save_that_comes_after_the_send_is_too_late(
    ana: User, conversation: Conversation, is_new: bool, was_saved: bool
) -> None:
    place = None if is_new else conversation
    if was_saved:
        save(ana, place, "Hel", FIRST)
    begin(ana, place, "Hello", FIRST)

    with pytest.raises(Outdated) as told:
        save(ana, place, "Hello", SECOND, FIRST)

    assert told.value.newer.text == ""


def test_a_send_that_had_arrived_before_clears_what_its_page_saved_since(
    ana: User, conversation: Conversation
) -> None:
    begin_turn(conversation, "Hello", send_key=KEY)
    save(ana, conversation, "Hello", FIRST)

    begin_turn(conversation, "Hello", send_key=KEY, drafted=())

    assert text_of(ana, conversation) == ""


def test_what_waits_for_an_answer_to_end_is_a_draft_no_more_and_clears_none_when_it_is_sent(
    ana: User, conversation: Conversation
) -> None:
    make_turn(conversation)
    save(ana, conversation, "Hello", FIRST)

    queued.add(conversation=conversation, author=ana, text="Hello", send_key=KEY, drafted=[FIRST])
    assert text_of(ana, conversation) == ""
    save(ana, conversation, "Hello", SECOND, KEY)
    with pytest.raises(turns.AlreadyQueued):
        begin_turn(conversation, "Hello", send_key=KEY, drafted=())
    assert text_of(ana, conversation) == ""
    save(ana, conversation, "Hello", SECOND, KEY)
    queued.begin(conversation.queue.get())

    assert text_of(ana, conversation) == "Hello"


def test_what_another_device_or_person_is_writing_outlives_a_send(
    ana: User, ben: User, conversation: Conversation
) -> None:
    other = make_conversation(ana)
    save(ana, conversation, "Newer, from elsewhere", SECOND)
    save(ana, other, "Hello", FIRST)
    save(ana, None, "Hello", FIRST)
    save(ben, None, "Hello", FIRST)

    begin(ana, conversation, "Hello", FIRST)

    assert text_of(ana, conversation) == "Newer, from elsewhere"
    assert text_of(ana, other) == text_of(ana, None) == text_of(ben, None) == "Hello"


def test_a_send_that_is_refused_and_an_edit_leave_it(ana: User, conversation: Conversation) -> None:
    prompt = make_turn(conversation, "Once").prompt
    save(ana, conversation, "Hello", FIRST)

    # The words of an edit were written where the prompt stands.
    begin_turn(conversation, "Hello", instead_of=prompt)
    with pytest.raises(turns.ReplyRunning):
        begin(ana, conversation, "Hello", FIRST)

    assert text_of(ana, conversation) == "Hello"


def test_a_text_that_is_added_comes_after_what_stands_there(
    ana: User, conversation: Conversation
) -> None:
    drafts.add(user=ana, conversation=conversation, text="One")
    drafts.add(user=ana, conversation=conversation, text="Two")
    drafts.add(user=ana, conversation=None, text="Elsewhere")

    assert text_of(ana, conversation) == "One\n\nTwo"
    assert text_of(ana, None) == "Elsewhere"
    with pytest.raises(drafts.NoRoom):
        drafts.add(user=ana, conversation=conversation, text="x" * 200_000)
    assert text_of(ana, conversation) == "One\n\nTwo"


def test_it_goes_with_its_conversation_and_its_person(
    ana: User, ben: User, conversation: Conversation
) -> None:
    save(ana, conversation, "In the talk", FIRST)
    save(ana, None, "A new one", FIRST)
    save(ben, None, "Ben's", FIRST)
    conversations.delete(conversation)
    Conversation.objects.update(deleted_at=timezone.now() - timedelta(days=8))

    conversations.purge()
    assert sorted(Draft.objects.values_list("text", flat=True)) == ["A new one", "Ben's"]

    accounts.erase(user=ana)
    assert list(Draft.objects.values_list("text", flat=True)) == ["Ben's"]


def test_it_is_kept_for_a_quarter_and_what_is_empty_for_a_week(
    ana: User, conversation: Conversation
) -> None:
    save(ana, conversation, "Kept", FIRST)
    save(ana, None, "", FIRST)
    changed = Draft.objects.all()

    changed.update(edited_at=timezone.now() - timedelta(days=6))
    drafts.purge()
    assert changed.count() == 2

    changed.update(edited_at=timezone.now() - timedelta(days=89))
    drafts.purge()
    assert [draft.text for draft in changed] == ["Kept"]

    changed.update(edited_at=timezone.now() - timedelta(days=91))
    drafts.purge()
    assert not changed.exists()
