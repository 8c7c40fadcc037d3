"""Messages that wait for the end of a reply: their order, and that each is sent once."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from django.utils import timezone

from chat.domain import accounts, conversations, queued, turns
from chat.domain.attachments import AttachmentsGone
from chat.domain.queued import MOST_QUEUED, QueueFull, QueueMoved
from chat.domain.revisions import ConversationGone
from chat.domain.turns import AlreadyQueued, ReplyRunning, SendKeyReused, Turn
from chat.enums import MessageState, QueueState
from chat.models import Attachment, Conversation, Message, QueuedMessage, User
from chat.queries import invariants
from chat.queries import queued as queries
from tests.domain.conftest import at_once
from tests.factories import begin_turn, make_conversation, make_turn, make_user, uploaded


def add(
    conversation: Conversation,
    text: str = "Next",
    *,
    send_key: uuid.UUID | None = None,
    pictures: Sequence[uuid.UUID] = (),
) -> QueuedMessage:
    key = send_key or uuid.uuid4()
    queued.add(
        conversation=conversation,
        author=conversation.owner,
        text=text,
        send_key=key,
        pictures=pictures,
    )
    return QueuedMessage.objects.get(send_key=key)


def end(reply: Message, state: MessageState = MessageState.COMPLETE) -> None:
    Message.objects.filter(pk=reply.pk).update(state=state, finished_at=timezone.now())


def texts(conversation: Conversation) -> list[str]:
    conversation.refresh_from_db()
    shown = queries.of_conversation(conversation)
    return [message.text for message in shown if message.state != QueueState.REMOVED]


def test_what_waits_is_sent_in_its_order_once_the_reply_has_ended(
    conversation: Conversation,
) -> None:
    reply = begin_turn(conversation).reply
    for text in ("One", "Two"):
        add(conversation, text)
    assert queued.next_of(conversation.pk) is None
    assert queued.due() == []

    end(reply)

    assert queued.due() == [conversation.pk]
    message = queued.next_of(conversation.pk)
    assert message is not None
    turn = queued.begin(message)
    assert (turn.prompt.text, turn.prompt.send_key) == ("One", message.send_key)
    assert turn.prompt.parent_id == reply.pk
    assert texts(conversation) == ["Two"]
    assert queued.next_of(conversation.pk) is None


@pytest.mark.parametrize(
    "state", [MessageState.STOPPED, MessageState.FAILED, MessageState.INTERRUPTED]
)
def test_nothing_goes_out_by_itself_after_a_reply_that_did_not_come_to_its_own_end(
    conversation: Conversation, state: MessageState
) -> None:
    reply = begin_turn(conversation).reply
    message = add(conversation)

    end(reply, state)

    assert queued.due() == []
    assert queued.next_of(conversation.pk) is None
    assert queued.begin(message).is_new


@pytest.mark.parametrize("deed", [queued.hold, queued.refuse])
def test_what_is_held_holds_up_what_is_behind_it(conversation: Conversation, deed: object) -> None:
    end(begin_turn(conversation).reply)
    first = add(conversation, "One")
    add(conversation, "Two")

    deed(first)  # type: ignore[operator]
    assert queued.next_of(conversation.pk) is None

    queued.edit(first, text="One, better")
    found = queued.next_of(conversation.pk)
    assert found is not None
    assert (found.pk, found.text) == (first.pk, "One, better")


def test_what_is_removed_is_passed_over_and_can_be_taken_back_to_its_place(
    conversation: Conversation,
) -> None:
    end(begin_turn(conversation).reply)
    first, second = add(conversation, "One"), add(conversation, "Two")

    queued.remove(first)
    found = queued.next_of(conversation.pk)
    assert found == second
    assert texts(conversation) == ["Two"]
    assert first in queries.of_conversation(conversation)
    for deed in (queued.hold, queued.remove, queued.refuse, queued.begin):
        with pytest.raises(QueueMoved):
            deed(first)

    queued.release(first)
    assert texts(conversation) == ["One", "Two"]

    queued.remove(first)
    queued.purge()
    assert QueuedMessage.objects.count() == 2
    QueuedMessage.objects.update(changed_at=timezone.now() - timedelta(minutes=2))
    assert queries.of_conversation(conversation) == [second]
    long_ago = timezone.now() - queued.REMOVED_LASTS - timedelta(seconds=1)
    QueuedMessage.objects.update(changed_at=long_ago)
    queued.purge()
    assert list(QueuedMessage.objects.all()) == [second]
    assert queries.of_conversation(conversation) == [second]


@pytest.mark.parametrize("deed", [queued.hold, queued.release, queued.remove, queued.begin])
def test_what_was_sent_cannot_be_changed_any_more(conversation: Conversation, deed: object) -> None:
    end(begin_turn(conversation).reply)
    message = add(conversation)
    copy = QueuedMessage.objects.select_related("conversation", "author").get(pk=message.pk)
    end(queued.begin(message).reply)
    before = Message.objects.count()

    with pytest.raises(QueueMoved):
        deed(copy)  # type: ignore[operator]

    assert Message.objects.count() == before


def test_the_same_send_waits_once_and_is_not_sent_beside_the_queue(
    conversation: Conversation,
) -> None:
    reply, key = begin_turn(conversation).reply, uuid.uuid4()
    message = add(conversation, send_key=key)
    add(conversation, send_key=key)
    assert texts(conversation) == ["Next"]

    end(reply)
    send = {"author": conversation.owner, "text": "Next", "send_key": key}
    for state in QueueState.values:
        QueuedMessage.objects.update(state=state)
        with pytest.raises(AlreadyQueued):
            turns.begin(conversation=conversation, **send)  # type: ignore[arg-type]
    QueuedMessage.objects.update(state=QueueState.READY)

    turn = queued.begin(message)
    again = turns.begin(conversation=conversation, **send)  # type: ignore[arg-type]
    assert (again.prompt, again.is_new) == (turn.prompt, False)
    queued.add(conversation=conversation, **send)  # type: ignore[arg-type]
    assert not QueuedMessage.objects.exists()


def test_another_text_with_a_key_that_was_used_is_refused(conversation: Conversation) -> None:
    turn = begin_turn(conversation)
    message = add(conversation)

    for key in (turn.prompt.send_key, message.send_key):
        assert key is not None
        with pytest.raises(SendKeyReused):
            queued.add(
                conversation=conversation, author=conversation.owner, text="Other", send_key=key
            )
    end(turn.reply)
    with pytest.raises(SendKeyReused):
        turns.begin(
            conversation=conversation,
            author=conversation.owner,
            text="Other",
            send_key=message.send_key,
        )

    assert texts(conversation) == ["Next"]
    assert conversation.messages.count() == 2


@pytest.mark.parametrize(
    "change", [queued.hold, lambda message: queued.edit(message, text="New words")]
)
def test_what_was_changed_since_it_was_read_is_not_sent_as_it_was(
    conversation: Conversation, change: Callable[[QueuedMessage], None]
) -> None:
    end(begin_turn(conversation).reply)
    add(conversation)
    message = queued.next_of(conversation.pk)
    assert message is not None

    change(QueuedMessage.objects.get())
    with pytest.raises(QueueMoved):
        queued.begin(message)

    assert conversation.messages.count() == 2


def test_beside_an_earlier_version_nothing_goes_out_by_itself(conversation: Conversation) -> None:
    first = make_turn(conversation)
    second = turns.try_again(
        conversation=conversation, reply=first.reply, author=conversation.owner
    ).reply
    add(conversation)
    end(second, MessageState.STOPPED)

    conversations.show_branch(conversation, through=first.reply)

    assert conversation.head_id == first.reply.pk
    assert queued.due() == []
    assert queued.next_of(conversation.pk) is None


def test_a_refusal_leaves_it_where_it_was_with_its_pictures(conversation: Conversation) -> None:
    picture = uploaded(conversation.owner, conversation)
    begin_turn(conversation)
    message = add(conversation, pictures=[picture.pk])
    revision = Conversation.objects.get(pk=conversation.pk).queue_revision

    with pytest.raises(ReplyRunning):
        queued.begin(message)

    assert texts(conversation) == ["Next"]
    assert list(message.attachments.all()) == [picture]
    assert conversation.queue_revision == revision


def test_pictures_leave_the_composer_with_the_message_and_are_sent_with_it(
    conversation: Conversation, ben: User
) -> None:
    ana = conversation.owner
    end(begin_turn(conversation).reply)
    first, second = (uploaded(ana, conversation, colour=each) for each in ("teal", "red"))
    with pytest.raises(AttachmentsGone):
        add(conversation, pictures=[uploaded(ben).pk])
    assert texts(conversation) == []

    message = add(conversation, pictures=[second.pk, first.pk])

    assert not Attachment.objects.unsent_by(ana).beside(conversation)
    assert texts(conversation) == ["Next"]
    assert message.attachments.count() == 2
    # However long it waits.
    Attachment.objects.update(created_at=timezone.now() - timedelta(days=30))
    assert not Attachment.objects.unsent_before(timezone.now()).filter(queued=message)
    assert not Attachment.objects.unsent_by(ana).filter(queued=message)
    with pytest.raises(AttachmentsGone):
        add(conversation, pictures=[first.pk])
    with pytest.raises(AttachmentsGone):
        turns.begin(
            conversation=make_conversation(ana),
            author=ana,
            text="Look",
            send_key=uuid.uuid4(),
            pictures=[first.pk],
        )

    prompt = queued.begin(message).prompt
    assert list(prompt.attachments.in_order()) == [second, first]
    assert prompt.pictures == 2


def test_only_so_many_wait(conversation: Conversation) -> None:
    begin_turn(conversation)
    for number in range(MOST_QUEUED):
        add(conversation, str(number))
    with pytest.raises(QueueFull):
        add(conversation)

    first = QueuedMessage.objects.first_first()[0]
    queued.remove(first)
    add(conversation)
    with pytest.raises(QueueFull):
        queued.release(first)


def test_each_change_of_the_queue_is_one_of_the_conversation(conversation: Conversation) -> None:
    begin_turn(conversation)
    conversation.refresh_from_db()
    seen = conversation.revision
    assert conversation.queue_revision == 0
    message = add(conversation)
    for deed in (queued.hold, queued.release, queued.remove):
        deed(message)
        conversation.refresh_from_db()
        assert conversation.queue_revision == conversation.revision > seen
        seen = conversation.revision


def test_of_a_deleted_conversation_and_of_who_was_switched_off_nothing_is_sent(
    conversation: Conversation,
) -> None:
    end(begin_turn(conversation).reply)
    message = add(conversation)

    User.objects.update(is_active=False)
    assert queued.due() == []
    assert queued.next_of(conversation.pk) is None
    User.objects.update(is_active=True)
    Conversation.objects.update(deleted_at=timezone.now())
    assert queued.due() == []
    assert queued.next_of(conversation.pk) is None
    for deed in (queued.begin, queued.hold):
        with pytest.raises(ConversationGone):
            deed(message)
    with pytest.raises(ConversationGone):
        add(conversation)


def test_the_queue_is_its_owners_alone(conversation: Conversation, ben: User) -> None:
    begin_turn(conversation)
    message = add(conversation)

    assert list(QueuedMessage.objects.open_to(conversation.owner)) == [message]
    assert not QueuedMessage.objects.open_to(ben)
    assert not QueuedMessage.objects.open_to(make_user("cara", is_staff=True, is_superuser=True))


def test_of_whoever_is_erased_nothing_waits(conversation: Conversation) -> None:
    begin_turn(conversation)
    add(conversation, pictures=[uploaded(conversation.owner, conversation).pk])

    accounts.erase(user=conversation.owner)

    assert not QueuedMessage.objects.exists()
    assert not Attachment.objects.exists()


def test_a_message_that_waits_and_was_sent_as_well_is_found(conversation: Conversation) -> None:
    turn = make_turn(conversation)
    add(conversation)
    assert invariants.broken() == []

    key = turn.prompt.send_key
    QueuedMessage.objects.update(send_key=key)

    assert [str(found.invariant.name) for found in invariants.broken()] == ["queued_is_not_sent"]


@pytest.mark.django_db(transaction=True)
def test_of_all_who_send_it_at_the_same_moment_one_does(
    transactional_db: None, conversation: Conversation
) -> None:
    end(begin_turn(conversation).reply)
    message = add(conversation)

    def send() -> Turn:
        rows = QueuedMessage.objects.select_related("conversation", "author")
        return queued.begin(rows.get(pk=message.pk))

    came = at_once(send)

    assert sum(isinstance(each, Turn) and each.is_new for each in came) == 1, came
    assert Message.objects.filter(text="Next").count() == 1
    assert not QueuedMessage.objects.exists()
