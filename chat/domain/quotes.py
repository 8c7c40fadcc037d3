"""Upstreams repeat prompts in their errors, and a log must not: what they quote is struck."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# Letters, blanks not counted. Shorter runs are ordinary words.
SHORTEST_QUOTE = 10

_ESCAPE = re.compile(r"\\+(?:u([0-9a-f]{4})|[nrt]?)", re.IGNORECASE)
_BLANK = re.compile(r'[\s"]')
# The only letter that has two when it is written small.
_CAPITAL_I_WITH_DOT = str.maketrans("\u0130", "i")


def struck(words: str, texts: Iterable[str]) -> str:
    """`words` with `[text]` for what they quote of `texts`.

    A quote may begin and end anywhere, be escaped as in JSON, or differ in case and blanks.
    """
    plain = _plain(words)
    places = [at for at, letter in enumerate(plain) if letter != " "]
    letters = plain.replace(" ", "")
    # The newline keeps a quote from reaching over two texts: no plain text has one.
    everything = "\n".join(_plain(text).replace(" ", "") for text in texts)
    for begin, end in reversed([*_quotes(letters, everything)]):
        words = f"{words[: places[begin]]}[text]{words[places[end - 1] + 1 :]}"
    return words


def _quotes(letters: str, everything: str) -> Iterator[tuple[int, int]]:
    """Where `letters` have runs that are somewhere in `everything`, as long as they go."""
    begin = end = 0
    for at in range(len(letters) - SHORTEST_QUOTE + 1):
        if letters[at : at + SHORTEST_QUOTE] not in everything:
            continue
        if at > end:
            if end:
                yield begin, end
            begin = at
        end = at + SHORTEST_QUOTE
    if end:
        yield begin, end


def _plain(text: str) -> str:
    """As long as `text`: small letters, and blanks for blanks, quotation marks and escapes."""
    text = _ESCAPE.sub(_unescaped, text) if "\\" in text else text
    return _BLANK.sub(" ", text.translate(_CAPITAL_I_WITH_DOT).lower())


def _unescaped(escape: re.Match[str]) -> str:
    letter = chr(int(escape[1], 16)) if escape[1] else " "
    return letter.ljust(len(escape[0]))
