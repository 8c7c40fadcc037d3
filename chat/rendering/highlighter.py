"""The process that finds out what is what in code: a keyword, a comment, a word of text.

Pygments works with regular expressions, some of which take for ever over code that is made for it,
and nothing can interrupt them but the end of their process. So they have one of their own, which
knows nothing and keeps nothing. The kernel ends it when it has taken too long over one piece of
code, whatever it is at, and whether or not somebody is left who waits for that.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection

from pygments.lexers import get_lexer_by_name
from pygments.token import (
    Comment,
    Generic,
    Keyword,
    Literal,
    Name,
    Number,
    Operator,
    String,
    _TokenType,
)
from pygments.util import ClassNotFound

MEMORY = 512 * 1024 * 1024
# Seconds of the processor for a piece of code: on a busy machine they take longer by the clock.
LIMIT = 0.3
# What is coloured, by the kinds of Pygments: the nearest above a kind counts. Others are plain.
KINDS: dict[_TokenType, str] = {
    Comment: "c",
    Comment.Preproc: "k",
    Keyword: "k",
    Keyword.Constant: "n",
    Keyword.Type: "t",
    Operator.Word: "k",
    String: "s",
    Number: "n",
    Literal.Date: "n",
    Name.Attribute: "f",
    Name.Builtin: "t",
    Name.Class: "t",
    Name.Constant: "n",
    Name.Decorator: "f",
    Name.Exception: "t",
    Name.Function: "f",
    Name.Namespace: "t",
    Name.Tag: "k",
    Generic.Deleted: "d",
    Generic.Error: "d",
    Generic.Heading: "t",
    Generic.Inserted: "i",
    Generic.Prompt: "c",
    Generic.Subheading: "t",
}
Run = tuple[str, str]


def runs(language: str, code: str) -> list[Run]:
    """The code in pieces, each with its kind, "" for what is plain. A language that Pygments does
    not know gives one plain piece."""
    try:
        lexer = get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return [("", code)]
    # Not before, since a language that is new here is read from the disk.
    signal.setitimer(signal.ITIMER_PROF, LIMIT)
    return list(_joined((_kind(token), text) for token, text in lexer.get_tokens(code)))


def _kind(token: _TokenType) -> str:
    at: _TokenType | None = token
    while at is not None:
        if at in KINDS:
            return KINDS[at]
        at = at.parent
    return ""


def _joined(found: Iterator[Run]) -> Iterator[Run]:
    """As few pieces as there can be: what cannot be seen belongs to any."""
    kind, words = "", ""
    for following, text in found:
        if following == kind or not text.strip():
            words += text
            continue
        if words:
            yield kind, words
        kind, words = following, text
    if words:
        yield kind, words


def main() -> None:
    """Answer until whoever asks is gone, however that comes about."""
    # A terminal's Ctrl-C is for the one who asks.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    os.nice(10)
    with Connection(int(sys.argv[1])) as line, contextlib.suppress(EOFError, OSError):
        line.send_bytes(b"ready")
        while True:
            language, code = json.loads(line.recv_bytes())
            try:
                answer = runs(language, code)
            except Exception:
                # A lexer that fails has no colours to give.
                answer = [("", code)]
            signal.setitimer(signal.ITIMER_PROF, 0)
            line.send_bytes(json.dumps(answer).encode())


if __name__ == "__main__":
    main()
