"""Pictures of people: kept as soon as they are uploaded, sent with a prompt, forgotten with it.

AttachmentRefused
├── ManyUnsent         so much is uploaded and not sent already
├── ManyInMessage      more than one message may have
├── AttachmentsGone    sent or removed meanwhile, maybe in another tab
└── ModelTakesNone     the model cannot see pictures
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db.models import Count, Q, Sum
from django.utils import timezone

from chat.completions.families import family_of
from chat.domain import files
from chat.imaging.redrawing import Redrawn
from chat.models import Attachment, Conversation, Message, QueuedMessage, User
from chat.models.attachment import ALT_LENGTH

# Of one person, in all composers together.
MOST_UNSENT = 40
MOST_UNSENT_BYTES = 100 * 1024 * 1024
MOST_IN_MESSAGE = 16
UNSENT_LASTS = timedelta(days=1)
ROWS_AT_ONCE = 500


class AttachmentRefused(Exception):
    """Nothing was changed. What was written, and what was uploaded, must be kept."""


class ManyUnsent(AttachmentRefused):
    pass


class ManyInMessage(AttachmentRefused):
    pass


class AttachmentsGone(AttachmentRefused):
    pass


class ModelTakesNone(AttachmentRefused):
    def __init__(self, model: str) -> None:
        super().__init__(model)
        self.model = model


def takes_pictures(model: str) -> bool | None:
    """What the operator says, or else what is known of the model's family; None where nothing is,
    in which case pictures are sent."""
    said: bool | None = settings.PICTURE_MODELS.get(model)
    return family_of(model).images if said is None else said


def keep(*, uploader: User, conversation: Conversation | None, picture: Redrawn) -> Attachment:
    """Put a picture into the composer of a conversation. The files are on the disk before the row
    names them, so that no row ever names what is not there. Raises ManyUnsent."""
    with files.store().kept():
        _leave_room(uploader, picture)
        sha256, small = files.write(picture.content), files.write(picture.small)
        return Attachment.objects.create(
            uploader=uploader,
            conversation=conversation,
            sha256=sha256,
            small_sha256=small,
            content_type=picture.content_type,
            width=picture.width,
            height=picture.height,
            size=len(picture.content),
        )


def describe(attachment: Attachment, *, alt: str) -> None:
    Attachment.objects.filter(pk=attachment.pk, message=None).update(alt=alt.strip()[:ALT_LENGTH])


def remove(attachment: Attachment) -> None:
    """Its file goes with the next purge, unless another row names it too."""
    Attachment.objects.filter(pk=attachment.pk, message=None).delete()


def forget(user: User) -> None:
    """What somebody who is erased has not sent; the rest goes with their conversations."""
    user.attachments.filter(message=None).delete()


def send_with(prompt: Message, ids: Sequence[uuid.UUID], *, instead_of: Message | None) -> None:
    """Part of the transaction that begins a turn: what lies in the composer goes with the prompt,
    and what an earlier prompt has that it is said instead of goes with both. Raises
    AttachmentRefused."""
    if len(ids) > MOST_IN_MESSAGE:
        raise ManyInMessage
    mine = Attachment.objects.unsent().filter(uploader=prompt.author_id)
    if instead_of is not None:
        mine |= Attachment.objects.filter(message=instead_of)
    chosen = mine.named(ids)
    if len(chosen) != len(set(ids)):
        raise AttachmentsGone
    for position, attachment in enumerate(chosen):
        if attachment.message_id is None:
            _move(attachment, prompt, position)
        else:
            _copy(attachment, prompt, position)


def _move(attachment: Attachment, prompt: Message, position: int) -> None:
    rows = Attachment.objects.filter(pk=attachment.pk, message=None)
    if not rows.update(message=prompt, conversation=None, position=position):
        raise AttachmentsGone


def queue_with(message: QueuedMessage, ids: Sequence[uuid.UUID]) -> None:
    """Part of the transaction that queues a message: what lies in the composer waits with it.
    Raises AttachmentRefused."""
    if len(ids) > MOST_IN_MESSAGE:
        raise ManyInMessage
    mine = Attachment.objects.unsent().filter(uploader=message.author_id)
    for position, key in enumerate(dict.fromkeys(ids)):
        place = {"queued": message, "conversation": None, "position": position}
        if not mine.filter(pk=key).update(**place):
            raise AttachmentsGone


def _copy(attachment: Attachment, prompt: Message, position: int) -> None:
    attachment.pk, attachment.message, attachment.position = uuid.uuid4(), prompt, position
    attachment.save(force_insert=True)


def are_those_of(prompt: Message, ids: Sequence[uuid.UUID]) -> bool:
    """Whether a send with these pictures is the one that made this prompt."""
    if len(ids) != prompt.pictures:
        return False
    asked = [
        each.sha256 for each in Attachment.objects.filter(uploader=prompt.author_id).named(ids)
    ]
    sent = prompt.attachments.in_order().values_list("sha256", flat=True)
    return asked == list(sent)


def purge() -> None:
    """Forget what was uploaded and never sent, then remove the files that no row names."""
    Attachment.objects.unsent_before(timezone.now() - UNSENT_LASTS).delete()
    remove_unnamed_files()


def remove_unnamed_files() -> None:
    """A folder at a time, so that nobody who uploads waits for long. While somebody does, or a
    backup is made, the rest is left for the next time."""
    for folder in files.folders():
        with files.store().alone() as is_alone:
            if not is_alone:
                return
            names = files.names_in(folder)
            for start in range(0, len(names), ROWS_AT_ONCE):
                batch = names[start : start + ROWS_AT_ONCE]
                files.remove(folder, set(batch) - _named(batch))
            files.remove_unfinished(folder)


def _named(names: Sequence[str]) -> set[str]:
    rows = Attachment.objects.filter(Q(sha256__in=names) | Q(small_sha256__in=names))
    return {name for pair in rows.values_list("sha256", "small_sha256") for name in pair}


def _leave_room(uploader: User, picture: Redrawn) -> None:
    mine = Attachment.objects.filter(message=None, uploader=uploader)
    unsent = mine.aggregate(number=Count("pk"), size=Sum("size"))
    size = (unsent["size"] or 0) + len(picture.content)
    if unsent["number"] >= MOST_UNSENT or size > MOST_UNSENT_BYTES:
        raise ManyUnsent
