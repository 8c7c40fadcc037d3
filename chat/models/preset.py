"""Settings with a name, to begin conversations with."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from chat.models.owned import Owned, OwnedQuerySet


class PresetQuerySet(OwnedQuerySet["Preset"]):
    pass


class Preset(Owned):
    """A conversation takes what it says when it begins, and is its own from then on."""

    model = models.CharField(_("model"), max_length=200)
    system_prompt = models.TextField(_("system prompt"), blank=True)
    # As `domain.parameters.Parameters` reads and writes it.
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)

    objects = PresetQuerySet.as_manager()

    class Meta(Owned.Meta):
        verbose_name = _("preset")
        verbose_name_plural = _("presets")

    def __str__(self) -> str:
        # Not its name, which is what somebody wrote: logs show this.
        return f"preset {self.pk}"
