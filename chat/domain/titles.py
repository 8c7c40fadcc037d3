"""A title that the model makes of the first question and answer, instead of the first words.

It is asked for once in the life of a conversation. What comes of it never takes the place of what a
person has typed, not even meanwhile.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from dataclasses import dataclass
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import F

from chat.completions.request import ChatMessage, CompletionRequest
from chat.domain import budgets, ledger, processes, prompts
from chat.domain.budgets import BudgetRefuses
from chat.domain.ledger import Receipt
from chat.domain.turns import first_words, shortened
from chat.enums import Fault, MessageState, Source, TitleFrom
from chat.models import Completion, Conversation, Message, Process, User
from chat.queries import thread

# A title needs thirty tokens, and models that think first count that too.
MAX_TOKENS = 1024
# Characters of question and answer, each.
LONGEST_PART = 2000
LONGEST_TITLE = 80

ASK = (
    "Give the following conversation a title of at most six words, in the language in which it is "
    "written. Answer with the title alone: one line, no quotation marks, no full stop.\n\n"
    "Question:\n{question}\n\nAnswer:\n{answer}"
)

# Letters that are not seen, or that turn the line around.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_TAG = re.compile(r"<[^<>]{0,200}>")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")
_MARKS = re.compile(r"[*_`~]{2,}|[*`]|^\s*(?:#{1,6}|[-+>]|\d{1,2}[.)])\s+")
_QUOTES = "\"'“”„«»‹›‘’「」『』"


@dataclass(frozen=True, slots=True)
class Asking:
    """A title that is asked for, whose row is open."""

    conversation_id: uuid.UUID
    completion_id: int
    request: CompletionRequest


def ask(reply_id: int, claim: uuid.UUID) -> Asking | None:
    """Open the row of a title for the conversation of its first complete answer. None where there
    is to be none: it is not the first, somebody has a title already or wants none, or a budget does
    not reach."""
    reply = (
        Message.objects.filter(pk=reply_id, state=MessageState.COMPLETE)
        .select_related("conversation__owner", "parent")
        .first()
    )
    if reply is None or not (settings.MAKES_TITLES and reply.conversation.owner.wants_titles):
        return None
    try:
        return _open(reply, reply.conversation, claim)
    except BudgetRefuses:
        return None


@transaction.atomic
def _open(reply: Message, conversation: Conversation, claim: uuid.UUID) -> Asking | None:
    assert reply.parent is not None
    free = Conversation.objects.filter(
        pk=conversation.pk, deleted_at=None, title_from=TitleFrom.WORDS
    )
    # Of pictures alone there are none.
    if words := first_words(reply.parent.text):
        free = free.filter(title=words)
    if not free.update(title_from=TitleFrom.ASKED) or not processes.lives(claim):
        return None
    request = _request(reply.parent.text, reply.text, model=thread.model_of(reply))
    owner: User = conversation.owner
    row = Completion.objects.create(
        user=owner,
        cost_centre=owner.cost_centre,
        conversation=conversation,
        source=Source.TITLE,
        model_asked=request.model,
        claim=claim,
        prompt_characters=prompts.characters(request),
        prompt_messages=len(request.messages),
    )
    budgets.reserve(row, owner, texts=partial(prompts.texts, request), max_tokens=MAX_TOKENS)
    return Asking(conversation.pk, row.pk, prompts.within(row.output_limit, request))


def _request(question: str, answer: str, *, model: str) -> CompletionRequest:
    words = ASK.format(question=question[:LONGEST_PART], answer=answer[:LONGEST_PART])
    message = ChatMessage(role="user", content=words)
    return CompletionRequest(model=model, messages=(message,), stream=False, max_tokens=MAX_TOKENS)


@transaction.atomic
def finish(asking: Asking, receipt: Receipt, said: str) -> bool:
    """Close the row, and take what was said for the title unless nobody can read it or somebody has
    typed one meanwhile. Gives whether there is a new title. May be called again."""
    asked = Conversation.objects.filter(pk=asking.conversation_id, title_from=TitleFrom.ASKED)
    title = cleaned(said)
    changed = bool(title) and asked.filter(deleted_at=None).update(
        title=title,
        title_from=TitleFrom.MODEL,
        title_revision=F("revision") + 1,
        revision=F("revision") + 1,
    )
    ledger.close_row(asking.completion_id, receipt)
    return bool(changed)


def close_left() -> int:
    """Close the rows of titles that nobody asks for any more, because that process is gone. The
    first words stay."""
    living = Process.objects.values("pk")
    left = Completion.objects.open().filter(source=Source.TITLE, message=None)
    return sum(
        ledger.close_row(
            row.pk,
            Receipt(
                error=Fault.RESTARTED,
                prompt_characters=row.prompt_characters or 0,
                prompt_messages=row.prompt_messages or 0,
                model=row.model_asked,
                max_tokens=row.output_limit or MAX_TOKENS,
                may_be_billed=True,
            ),
        )
        for row in left.exclude(claim__in=living)
    )


def cleaned(said: str) -> str:
    """One line of plain words out of whatever a model says; nothing if there is none."""
    lines = (_plain(line) for line in said[:LONGEST_PART].splitlines())
    return shortened(next((line for line in lines if line), ""), longest=LONGEST_TITLE)


def _plain(line: str) -> str:
    line = "".join(" " if unicodedata.category(letter) in _HIDDEN else letter for letter in line)
    line = _MARKS.sub("", _LINK.sub(r"\1", _TAG.sub("", line)))
    line = " ".join(line.split())
    return line.lstrip(_QUOTES + " ").rstrip(_QUOTES + " .")
