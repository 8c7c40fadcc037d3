"""A text with a name, to be put into the composer by it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from django.db import models
from django.utils.translation import gettext_lazy as _

from chat.models.owned import Owned, OwnedQuerySet

TITLE_LENGTH = 120
LONGEST_TEXT = 50_000
# Between two braces on each side, with or without blanks: a letter first, then letters, digits,
# blanks, `_` and `-`. What is written otherwise in braces is text.
VARIABLE = re.compile(r"\{\{\s*([^\W\d_](?:[\w -]{0,38}[\w-])?)\s*\}\}")


class SavedPromptQuerySet(OwnedQuerySet["SavedPrompt"]):
    pass


class SavedPrompt(Owned):
    """Its name is what is typed after the `/`."""

    title = models.CharField(_("title"), max_length=TITLE_LENGTH, blank=True)
    text = models.TextField(_("text"))

    objects = SavedPromptQuerySet.as_manager()

    class Meta(Owned.Meta):
        verbose_name = _("prompt")
        verbose_name_plural = _("prompts")

    def __str__(self) -> str:
        # Not its name, which is what somebody wrote: logs show this.
        return f"saved prompt {self.pk}"

    @property
    def variables(self) -> list[str]:
        """Their names, each once, in the order of the text."""
        return variables_of(self.text)

    def filled(self, values: Mapping[str, str]) -> str:
        """What a value says is text, whatever braces are in it."""
        return VARIABLE.sub(lambda found: values.get(found[1], ""), self.text)


def variables_of(text: str) -> list[str]:
    return list(dict.fromkeys(VARIABLE.findall(text)))
