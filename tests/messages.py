"""Collects the strings to translate and brings the catalogues up to date: `make messages`.

Written with `ast` and Django's own template reader, because GNU gettext is not on every machine.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import polib
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "chat" / "locale"
LANGUAGES = ("es",)

# Where each function has its message: the position of a context, of the message, of the plural.
FUNCTIONS: dict[str, tuple[int | None, int, int | None]] = {
    "_": (None, 0, None),
    "gettext": (None, 0, None),
    "gettext_lazy": (None, 0, None),
    "ngettext": (None, 0, 1),
    "ngettext_lazy": (None, 0, 1),
    "pgettext": (0, 1, None),
    "pgettext_lazy": (0, 1, None),
    "npgettext": (0, 1, 2),
}
_CALL = re.compile(r"\b(?:gettext|ngettext|pgettext|npgettext)\(.*?\)(?=\s|$)", re.MULTILINE)

Key = tuple[str | None, str]


def collect() -> dict[Key, polib.POEntry]:
    """Every message of the code and the templates, with where it stands."""
    found: dict[Key, polib.POEntry] = {}
    for path, source in _sources():
        for context, message, plural in _messages(source):
            entry = found.setdefault(
                (context, message), polib.POEntry(msgid=message, msgctxt=context)
            )
            entry.occurrences.append((str(path.relative_to(ROOT)), ""))
            if plural:
                entry.msgid_plural = plural
                entry.msgstr_plural = {0: "", 1: ""}
    for entry in found.values():
        entry.occurrences = sorted(set(entry.occurrences))
        if re.search(r"%\(\w+\)[ds]", entry.msgid):
            entry.flags.append("python-format")
    return found


def catalogue(language: str) -> polib.POFile:
    return polib.pofile(str(LOCALE / language / "LC_MESSAGES" / "django.po"))


def update(language: str) -> None:
    """Write the catalogue anew: what is still used keeps its translation, the rest goes."""
    path = LOCALE / language / "LC_MESSAGES" / "django.po"
    path.parent.mkdir(parents=True, exist_ok=True)
    known = (
        {(entry.msgctxt, entry.msgid): entry for entry in catalogue(language)}
        if (path.exists())
        else {}
    )
    file = polib.POFile(wrapwidth=100)
    file.metadata = {
        "Language": language,
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=UTF-8",
        "Content-Transfer-Encoding": "8bit",
        "Plural-Forms": "nplurals=2; plural=(n != 1);",
    }
    for key, entry in sorted(collect().items(), key=lambda item: (item[0][1], item[0][0] or "")):
        if (old := known.get(key)) is not None:
            entry.msgstr = old.msgstr
            if entry.msgid_plural and old.msgstr_plural:
                entry.msgstr_plural = old.msgstr_plural
        file.append(entry)
    file.save(str(path))
    file.save_as_mofile(str(path.with_suffix(".mo")))


def _sources() -> Iterator[tuple[Path, str]]:
    for package in ("evoweb", "chat"):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path, path.read_text()
    for pattern in ("*.html", "*.txt"):
        for path in sorted((ROOT / "templates").rglob(pattern)):
            calls = _CALL.findall(templatize(path.read_text(), origin=str(path)))
            yield path, "\n".join(calls)


def _messages(source: str) -> Iterator[tuple[str | None, str, str | None]]:
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        places = FUNCTIONS.get(node.func.id)
        if places is None:
            continue
        context, message, plural = (
            None if place is None else _constant(node, place) for place in places
        )
        if message:
            yield context, message, plural


def _constant(call: ast.Call, place: int) -> str | None:
    """An argument that is a plain string; others are messages that stand elsewhere."""
    argument = call.args[place] if place < len(call.args) else None
    is_text = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    return argument.value if is_text else None  # type: ignore[union-attr]


if __name__ == "__main__":
    for language in LANGUAGES:
        update(language)
