"""A picture of somebody, redrawn by a process of its own: `decoder.py` says what is left of it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chat.imaging import kinds

PROGRAM = Path(__file__).with_name("decoder.py")
# Two are decoded at once: each takes a processor, and up to some hundred megabytes.
AT_ONCE = 2
# Seconds until one that neither ends nor spends its time is ended, and for which others wait.
PATIENCE = 30.0
# As many pixels as the cameras of phones have; a JPEG of so many takes little memory here.
MOST_PIXELS = 50_000_000
LARGEST_UPLOAD = 20 * 1024 * 1024
# Bytes of what is kept. A service's own limit is 7 MB at the narrowest place.
LARGEST_KEPT = 4 * 1024 * 1024

_free = threading.BoundedSemaphore(AT_ONCE)


class Unusable(Exception):
    """A file that is not taken. `code` says why: empty, unknown, moves, broken, too_many_pixels,
    too_large, or the kind that it is (HEIC, SVG, …); or that others are before it: busy."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Redrawn:
    """What is kept of a picture, and a small version of it, which is always a WebP."""

    content: bytes = field(repr=False)
    small: bytes = field(repr=False)
    content_type: str
    width: int
    height: int


def redraw(data: bytes, *, longest: int) -> Redrawn:
    """May take seconds: never on the event loop, never in a transaction. Raises Unusable."""
    if not data:
        raise Unusable("empty")
    if len(data) > LARGEST_UPLOAD:
        raise Unusable("too_large")
    kind = kinds.kind_of(data[:64])
    if kind not in kinds.TAKEN:
        raise Unusable(kind or "unknown")
    if not _free.acquire(timeout=PATIENCE):
        raise Unusable("busy")
    try:
        answer = _decoded(data, kind, longest=longest)
    finally:
        _free.release()
    head, _, body = answer.partition(b"\n")
    facts: dict[str, Any] = json.loads(head)
    if code := facts.get("refused"):
        raise Unusable(code)
    whole, small = facts["sizes"]
    return Redrawn(
        content=body[:whole],
        small=body[whole : whole + small],
        content_type=facts["content_type"],
        width=facts["width"],
        height=facts["height"],
    )


def _decoded(data: bytes, kind: str, *, longest: int) -> bytes:
    words = [kind, str(longest), str(LARGEST_KEPT), str(MOST_PIXELS)]
    try:
        done = subprocess.run(  # noqa: S603 (our own program, and nothing that anybody typed)
            [sys.executable, "-I", str(PROGRAM), *words],
            input=data,
            capture_output=True,
            # The key of the model's service is in ours.
            env={},
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unusable("broken") from None
    if done.returncode or not done.stdout:
        # A decoder that died of it: by its memory, its time, or worse.
        raise Unusable("broken")
    return done.stdout
