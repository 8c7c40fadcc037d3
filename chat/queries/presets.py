"""Presets as pages show them: all that somebody may use, and those to begin a chat with."""

from __future__ import annotations

from dataclasses import dataclass

from chat.models import Preset, User


@dataclass(frozen=True, slots=True)
class Listed:
    preset: Preset
    is_default: bool
    is_changeable: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """With which preset a chat begins, and with which others it could."""

    presets: list[Preset]
    chosen: Preset | None = None
    # One was asked for that is not there, or is somebody else's.
    is_missing: bool = False


def listed(user: User) -> list[Listed]:
    """One query."""
    return [
        Listed(
            preset,
            is_default=preset.pk == user.default_preset_id,
            is_changeable=not preset.is_shared or user.is_administrator,
        )
        for preset in Preset.objects.usable_by(user).in_order()
    ]


def choice(user: User, wanted: str | None) -> Choice:
    """By the number that an address has: empty for none, absent for the default. A query, and
    another where there is one to begin with, since system prompts may be long."""
    presets = list(Preset.objects.usable_by(user).in_order().defer("system_prompt"))
    key = str(user.default_preset_id) if wanted is None else wanted
    chosen = next((preset for preset in presets if str(preset.pk) == key), None)
    return Choice(presets, chosen, is_missing=bool(wanted) and chosen is None)
