"""What a conversation asks the model for, beside its messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a completion. None means: not sent, the upstream decides.

    `stream` false waits for the whole answer. The ranges are the API's own: `max_tokens` ≥ 1,
    `temperature` 0…2, `top_p` 0…1, `top_k` ≥ 1.
    """

    stream: bool = True
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        return cls(**{name: stored[name] for name in cls.__dataclass_fields__ if name in stored})

    def to_json(self) -> dict[str, Any]:
        """Only what differs from the default, so that defaults may change later."""
        return {
            name: getattr(self, name)
            for name, field in self.__dataclass_fields__.items()
            if getattr(self, name) != field.default
        }
