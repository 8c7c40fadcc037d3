"""What was said as Markdown: who speaks is a heading, and the words are as they were written."""

from __future__ import annotations

from django.utils.translation import gettext

from chat.models import Conversation
from chat.queries.thread import Entry


def title(conversation: Conversation) -> str:
    return f"# {_on_one_line(conversation.title)}\n"


def heading(entry: Entry) -> str:
    name = entry.model_label if entry.message.is_reply else gettext("You")
    return f"\n## {_on_one_line(name)}\n\n"


def said(entry: Entry) -> str:
    return f"{heading(entry)}{entry.message.text}\n"


def _on_one_line(words: str) -> str:
    """Models give their names themselves."""
    return " ".join(words.split())
