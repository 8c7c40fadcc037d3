"""Who answers: the service that this evoweb is set to ask."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Answering:
    models: tuple[str, ...]
    # Empty for the demonstration model, which is a part of evoweb.
    host: str

    @property
    def model(self) -> str:
        """The one that is asked where none is chosen."""
        return self.models[0]


def answering() -> Answering:
    host = "" if settings.IS_DEMONSTRATION else urlsplit(settings.EVOLINK_BASE_URL).netloc
    return Answering(tuple(settings.MODELS), host)
