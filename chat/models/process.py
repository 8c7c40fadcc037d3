"""The processes that run replies on this database, each under the claim that it marks them with."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Self

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class ProcessQuerySet(models.QuerySet["Process"]):
    def unheard_for(self, seconds: float) -> Self:
        """By the database's own clock: those of machines may differ."""
        return self.filter(seen_at__lt=Now() - timedelta(seconds=seconds))


class Process(models.Model):
    """A row says that the process lives. Once it is removed, nothing more can be written by it."""

    # The claim: fresh at every start, and again after the process was taken for gone.
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=120)
    started_at = models.DateTimeField(_("started"), db_default=Now())
    seen_at = models.DateTimeField(_("last heard of"), db_default=Now())

    objects = ProcessQuerySet.as_manager()

    class Meta:
        verbose_name = _("process")
        verbose_name_plural = _("processes")

    def __str__(self) -> str:
        return self.name
