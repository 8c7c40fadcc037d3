"""A long conversation, written at once, by a test or from a command's shell."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from chat.enums import CompletionState, Role
from chat.models import Completion, Conversation, Message, User

ANSWER = """The answer to question {number}, with **some** words that go on for a while and break.

- one
- two, `with code`

| Name | Value |
|:--|--:|
| one | {number} |
"""


@transaction.atomic
def write(owner: User, *, turns: int, has_ledger: bool = False) -> Conversation:
    """Its prompts are called "Question 1" and so on."""
    conversation = Conversation.objects.create(
        owner=owner, title="A long talk", model=settings.MODELS[0], revision=1
    )
    head = None
    replies = []
    for number in range(1, turns + 1):
        prompt = _said(conversation, head, f"Question {number}", author=owner)
        head = _said(conversation, prompt, ANSWER.format(number=number), role=Role.ASSISTANT)
        replies.append(head)
    conversation.head = head
    conversation.save(update_fields=("head",))
    if has_ledger:
        Completion.objects.bulk_create(_row(owner, reply) for reply in replies)
    return conversation


def print_address(*, turns: int, has_ledger: bool = False) -> None:
    """Of one that belongs to whoever came first."""
    owner = User.objects.earliest("pk")
    print(write(owner, turns=turns, has_ledger=has_ledger).get_absolute_url())


def _said(
    conversation: Conversation,
    parent: Message | None,
    text: str,
    *,
    author: User | None = None,
    role: Role = Role.USER,
) -> Message:
    return Message.objects.create(
        conversation=conversation,
        parent=parent,
        role=role,
        author=author,
        text=text,
        finish_reason="" if author else "stop",
        finished_at=timezone.now(),
        revision=1,
    )


def _row(owner: User, reply: Message) -> Completion:
    return Completion(
        user=owner,
        conversation_id=reply.conversation_id,
        message=reply,
        state=CompletionState.FINAL,
        model_asked=settings.MODELS[0],
        http_status=200,
        finished_at=timezone.now(),
        prompt_tokens=10,
        completion_tokens=20,
        total_tokens=30,
        usage={"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30},
    )
