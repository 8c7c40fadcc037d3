"""Spanish is complete: every string of the code and the templates has its translation."""

from __future__ import annotations

import re
from pathlib import Path

import polib
import pytest

from tests import messages

PLACEHOLDER = re.compile(r"%\(\w+\)[ds]|%[ds%]|</?\w+[^>]*>")


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_every_message_is_in_the_catalogue_and_nothing_else(language: str) -> None:
    in_catalogue = {(entry.msgctxt, entry.msgid) for entry in messages.catalogue(language)}

    assert in_catalogue == set(messages.collect()), "run `make messages`"


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_every_message_is_translated_with_the_same_placeholders(language: str) -> None:
    wrong = [
        entry.msgid
        for entry in messages.catalogue(language)
        for original, translation in _pairs(entry)
        if not translation.strip() or _placeholders(original) != _placeholders(translation)
    ]

    assert wrong == []


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_the_compiled_catalogue_says_the_same(language: str, tmp_path: Path) -> None:
    catalogue = messages.catalogue(language)
    compiled = polib.mofile(str(Path(catalogue.fpath).with_suffix(".mo")))
    catalogue.save_as_mofile(str(tmp_path / "fresh.mo"))

    assert _content(compiled) == _content(polib.mofile(str(tmp_path / "fresh.mo")))


def _pairs(entry: polib.POEntry) -> list[tuple[str, str]]:
    if entry.msgid_plural:
        return [(entry.msgid_plural, text) for text in entry.msgstr_plural.values()]
    return [(entry.msgid, entry.msgstr)]


def _placeholders(text: str) -> list[str]:
    return sorted(PLACEHOLDER.findall(text))


def _content(file: polib.MOFile) -> set[tuple[str, str, str]]:
    return {(entry.msgid, entry.msgstr, str(entry.msgstr_plural)) for entry in file}
