"""Pictures beside a message that is being written: taken from a form, and what its page says."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.files.uploadedfile import UploadedFile
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from chat.domain import attachments, prompts
from chat.domain.attachments import MOST_IN_MESSAGE, ManyUnsent
from chat.forms.conversation import Received
from chat.imaging import redrawing
from chat.imaging.redrawing import LARGEST_UPLOAD, Unusable
from chat.models import Attachment, Conversation, User
from chat.queries.thread import Entry
from chat.views.access import SignedInRequest

# Of one person, in a minute, those that are refused too: each takes a processor for a while.
UPLOADS_A_MINUTE = 60
MINUTE = 60
MEGABYTE = 1024 * 1024

_REASONS: dict[str, Promise] = {
    "empty": _("%(name)s is empty. Choose another file."),
    "unknown": _("%(name)s is no picture. Choose a JPEG, PNG or WebP file."),
    "HEIC": _("%(name)s is a HEIC picture, which models do not take. Save it as a JPEG first."),
    "AVIF": _("%(name)s is an AVIF picture, which models do not take. Save it as a JPEG first."),
    "SVG": _("%(name)s is an SVG drawing, which models do not take. Save it as a PNG first."),
    "moves": _("%(name)s moves. Choose a picture that stands still."),
    "broken": _("%(name)s cannot be read: it is damaged or was cut off. Choose another file."),
    "busy": _("Many pictures are being read just now. Add %(name)s again in a moment."),
    "too_many_pixels": _("%(name)s has too many pixels. Make it smaller first."),
}
_TOO_LARGE = _("%(name)s is larger than %(limit)d MB. Make it smaller first.")
_OTHER = _("%(name)s is a %(kind)s file. Choose a JPEG, PNG or WebP picture.")
_MANY = _("So many pictures wait in your chats that no more can be kept. Send or remove some.")
_FAST = _("You have added many pictures in a short time. Try again in a minute.")


class NotTaken(Exception):
    """The message is a sentence for whoever uploads."""


def receive(request: SignedInRequest, conversation: Conversation | None) -> Received:
    """What came as files with a form that a browser without script has sent, and what was said of
    pictures that were there before."""
    described = Attachment.objects.unsent_by(request.user).named(_described(request))
    for attachment in described:
        attachments.describe(attachment, alt=request.POST[f"alt-{attachment.pk}"])
    received = Received()
    for file in request.FILES.getlist("pictures"):
        try:
            received.ids.append(keep(request.user, conversation, file).pk)
        except NotTaken as refusal:
            received.complaints.append(str(refusal))
    return received


def keep(user: User, conversation: Conversation | None, file: UploadedFile[bytes]) -> Attachment:
    """Raises NotTaken."""
    if not _is_in_time(user):
        raise NotTaken(str(_FAST))
    try:
        # What is far too large is not even read into memory.
        if (file.size or 0) > LARGEST_UPLOAD:
            raise Unusable("too_large")
        picture = redrawing.redraw(file.read(), longest=settings.PICTURE_SIDE)
        return attachments.keep(uploader=user, conversation=conversation, picture=picture)
    except Unusable as refusal:
        raise NotTaken(_reason(refusal.code, file.name or "")) from refusal
    except ManyUnsent as refusal:
        raise NotTaken(str(_MANY)) from refusal


def context(
    user: User, conversation: Conversation | None, entries: Sequence[Entry] = ()
) -> dict[str, Any]:
    """What the composer shows of pictures."""
    blind = [model for model in settings.MODELS if attachments.takes_pictures(model) is False]
    unsent = Attachment.objects.unsent_by(user).beside(conversation).in_order()
    return {
        "unsent": list(unsent),
        "blind_models": blind,
        "is_blind": conversation is not None and conversation.model in blind,
        "picture_note": left_out(conversation, entries),
    }


def left_out(conversation: Conversation | None, entries: Sequence[Entry]) -> str:
    """What the next request will not show to the model."""
    shown = {entry.message.pk: entry.pictures for entry in entries if entry.pictures}
    if conversation is None or not shown:
        return ""
    sent = prompts.sent(shown, model=conversation.model)
    number = sum(map(len, shown.values())) - sum(map(len, sent.values()))
    if not number:
        return ""
    if not sent:
        words = gettext("%(model)s takes no pictures: it is asked without those of this chat.")
        return words % {"model": conversation.model}
    words = ngettext(
        "The model is shown the newest pictures of this chat, without %(n)d that is older.",
        "The model is shown the newest pictures of this chat, without %(n)d that are older.",
        number,
    )
    return words % {"n": number}


def _reason(code: str, name: str) -> str:
    words = {"name": name or gettext("The file"), "limit": LARGEST_UPLOAD // MEGABYTE, "kind": code}
    if code == "too_large":
        return str(_TOO_LARGE) % words
    return str(_REASONS.get(code, _OTHER)) % words


def _is_in_time(user: User) -> bool:
    key = f"uploads-{user.pk}"
    cache.add(key, 0, MINUTE)
    try:
        return cache.incr(key) <= UPLOADS_A_MINUTE
    except ValueError:
        # The minute has ended in between.
        return True


def _described(request: SignedInRequest) -> list[uuid.UUID]:
    """The pictures for which the form has a description."""
    names = [name.removeprefix("alt-") for name in request.POST if name.startswith("alt-")]
    found = []
    for name in names[:MOST_IN_MESSAGE]:
        with suppress(ValueError):
            found.append(uuid.UUID(name))
    return [key for key in found if f"alt-{key}" in request.POST]
