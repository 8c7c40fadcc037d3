r"""Formulas: between `$` and `$`, `$$` and `$$`, `\(` and `\)`, `\[` and `\]`.

The parser knows the first two. To Markdown the others are brackets that mean nothing, so they are
made into dollars before it, without a byte more or less: what it says of places holds for the text
as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from pyromark.event import Event, Range

_ENDS = {b"\\(": b"\\)", b"\\[": b"\\]"}
# Within a formula the parser would make something else of them.
_FOREIGN = re.compile(rb"[$`]")
_INLINE = ("Emphasis", "Strong", "Strikethrough")
Parse = Callable[[str], Iterable[tuple[Event, Range]]]


def events(text: str, raw: bytes, parse: Parse) -> Iterator[tuple[Event, Range]]:
    """What `parse` finds in `text`, which is `raw` as well, formulas told apart: an amount of money
    is none."""
    if b"\\(" in raw or b"\\[" in raw:
        text = _with_dollars(raw, parse(text)).decode()
    for event, span in parse(text):
        match event:
            case {"InlineMath": _} if raw[span["end"] : span["end"] + 1].isdigit():
                yield {"Text": raw[span["start"] : span["end"]].decode()}, span
            case {"DisplayMath": str(formula)} if raw.startswith(b"\\(", span["start"]):
                yield {"InlineMath": formula}, span
            case _:
                yield event, span


def _with_dollars(raw: bytes, events: Iterable[tuple[Event, Range]]) -> bytes:
    """Where such brackets stand in the words of one block, and only there: not in code, not in
    addresses."""
    changed = bytearray(raw)
    # The blocks that are open, by the places at which they begin, and the bracket that is.
    blocks: list[tuple[int, object]] = []
    opened: tuple[int, tuple[int, object]] | None = None
    for event, span in events:
        match event:
            case {"Start": tag} if tag not in _INLINE:
                blocks.append((span["start"], tag))
            case {"End": tag} if tag not in _INLINE:
                blocks.pop()
            case {"Text": _}:
                begins = span["start"] - 1
                bracket = raw[begins : begins + 2]
                # Two of them are one that is meant: a new line within a formula, say.
                if not blocks or (begins and raw[begins - 1 : begins] == b"\\"):
                    continue
                if bracket in _ENDS:
                    opened = begins, blocks[-1]
                elif opened and bracket == _ENDS[raw[opened[0] : opened[0] + 2]]:
                    start, block = opened
                    inner = raw[start + 2 : begins]
                    if block == blocks[-1] and inner.strip() and not _FOREIGN.search(inner):
                        changed[start : start + 2] = changed[begins : begins + 2] = b"$$"
                    opened = None
    return bytes(changed)
