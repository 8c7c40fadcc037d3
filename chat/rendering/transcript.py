"""What was said as Markdown: who speaks is a heading, and the words are as they were written."""

from __future__ import annotations

import re

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext

from chat.models import Attachment, Conversation
from chat.queries.thread import Entry


def title(conversation: Conversation) -> str:
    return f"# {_on_one_line(conversation.title)}\n"


def heading(entry: Entry) -> str:
    name = entry.model_label if entry.message.is_reply else gettext("You")
    return f"\n## {_on_one_line(name)}\n\n"


def said(entry: Entry) -> str:
    parts = [*map(_image, entry.pictures)]
    if entry.message.text or not parts:
        parts.insert(0, entry.message.text)
    return heading(entry) + "\n".join(f"{part}\n" for part in parts)


def _image(picture: Attachment) -> str:
    """By its whole address, which opens for whoever may see it and is signed in."""
    words = re.sub(r"([\\\[\]])", r"\\\1", _on_one_line(picture.alt or gettext("Picture")))
    return f"![{words}]({settings.PUBLIC_URL}{reverse('picture', args=(picture.pk,))})"


def _on_one_line(words: str) -> str:
    """Models give their names themselves."""
    return " ".join(words.split())
