"""The library of prompts: kept, changed, and put where a message is written."""

from __future__ import annotations

from chat.domain.owned import one_of_its_name
from chat.models import SavedPrompt, User

# Whether it is deleted is another deed's.
KEPT_FIELDS = ("owner", "name", "title", "text")


def keep(
    prompt: SavedPrompt, *, owner: User | None, name: str, title: str, text: str
) -> SavedPrompt:
    """A new one, or a change. Without an owner it is shared. Raises NameTaken."""
    prompt.owner = owner
    prompt.name = name
    prompt.title = title
    prompt.text = text
    with one_of_its_name():
        prompt.save(update_fields=None if prompt.pk is None else KEPT_FIELDS)
    return prompt
