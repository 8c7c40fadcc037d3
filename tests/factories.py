"""The cast and its belongings. Ana owns things, Ben is a colleague who must be kept out of them."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.utils import timezone

from chat.domain import attachments, ledger, turns
from chat.domain.ledger import Receipt
from chat.enums import MessageState
from chat.imaging import redrawing
from chat.models import Attachment, Conversation, Message, Preset, SavedPrompt, User
from tests.pictures import picture


def make_user(name: str, **fields: Any) -> User:
    user = User(email=f"{name}@example.org", display_name=name.capitalize(), **fields)
    user.set_unusable_password()
    user.save()
    return user


def make_conversation(owner: User, **fields: Any) -> Conversation:
    defaults: dict[str, Any] = {"title": "A talk", "model": settings.MODELS[0]}
    return Conversation.objects.create(owner=owner, **{**defaults, **fields})


def make_turn(
    conversation: Conversation,
    prompt: str = "A question",
    reply: str = "An answer",
    *,
    state: MessageState = MessageState.COMPLETE,
) -> turns.Turn:
    """A turn that is over, its ledger row closed."""
    turn = begin_turn(conversation, prompt)
    for row in turn.reply.completions.open():
        ledger.close_row(row.pk, Receipt(http_status=200))
    Message.objects.filter(pk=turn.reply.pk).update(
        state=state, text=reply, finished_at=timezone.now()
    )
    turn.reply.refresh_from_db()
    return turn


def begin_turn(
    conversation: Conversation,
    text: str = "A question",
    *,
    instead_of: Message | None = None,
    send_key: uuid.UUID | None = None,
    drafted: Collection[uuid.UUID] | None = None,
) -> turns.Turn:
    """A turn whose reply is reserved, with nobody to run it."""
    return turns.begin(
        conversation=conversation,
        author=conversation.owner,
        text=text,
        send_key=send_key or uuid.uuid4(),
        instead_of=instead_of,
        drafted=drafted,
    )


def uploaded(
    user: User, conversation: Conversation | None = None, *, colour: str = "teal", alt: str = ""
) -> Attachment:
    """One that lies in a composer."""
    redrawn = redrawing.redraw(picture("PNG", colour=colour), longest=512)
    found = attachments.keep(uploader=user, conversation=conversation, picture=redrawn)
    if alt:
        attachments.describe(found, alt=alt)
        found.refresh_from_db()
    return found


def make_preset(owner: User | None, name: str = "Kind", **fields: Any) -> Preset:
    """One of somebody's, or one that is shared."""
    return Preset.objects.create(owner=owner, name=name, **{"model": settings.MODELS[0], **fields})


def make_prompt(
    owner: User | None, name: str = "minutes", text: str = "Summarise this.", **fields: Any
) -> SavedPrompt:
    """One of the library: somebody's, or one that is shared."""
    return SavedPrompt.objects.create(owner=owner, name=name, text=text, **fields)
