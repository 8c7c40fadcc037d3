"""Code in colours, without anybody waiting for them who must not.

A process of its own finds out what is what (`highlighter`). It is begun when there is code for the
first time. A thread asks it one thing after another: whoever draws what is being written goes on
without colours and draws again once they are there; a page waits for them, but only a moment.
"""

from __future__ import annotations

import html
import logging
import queue
import re
import threading
import time
from collections import OrderedDict
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from hashlib import blake2b
from typing import NamedTuple

from chat.rendering.highlighting_process import Died, HighlightingProcess, Run

logger = logging.getLogger(__name__)

# Seconds after its rendering began up to which a text waits for all of its code together; and while
# the process comes up, if so far it was rendered quickly.
LIMIT, START = 0.15, 1.5
QUICK = 0.05
# Seconds without a question after which the process ends.
IDLE = 600.0
# So many pieces of code of a text may take too long. The rest of it stays plain, so that others get
# their turn.
FAILURES = 3
# Characters. What is longer is data.
LONGEST = 40_000
# Characters of HTML that are kept, and what each piece of code takes beside its own.
KEPT, BESIDE = 4_000_000, 400
# Of what there is in code, as classes.
KINDS = frozenset("cdfiknst")
# Names that ask for nothing to be coloured.
PLAIN = frozenset({"text", "txt", "plain", "plaintext", "output", "console-output", "mermaid"})

# As `writer` writes it, and marks it once its end has been written.
_CODE = re.compile(
    r'(<div class="code" data-language="(?P<language>[^"]*)") data-whole'
    r'(><pre tabindex="0"><code>)(?P<code>[^<]*)'
)
_OPEN = re.compile(r'<div class="code" data-language="[^"]*">')

# The HTML of code, or None where it stays plain.
Answer = Future[str | None]


class Colours:
    """Those of one text on a page, which waits for them, but only a moment. To be made before the
    text is rendered: what that takes is taken from the waiting."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._until: float | None = None
        # What has to be known first before the text has all of them. What another page has waited
        # for in vain need not be tried.
        self.missing = _highlighter.unanswered
        # How much of its code has taken too long.
        self.failures = 0

    def begin(self) -> None:
        """The text is to be written, maybe again."""
        if self.missing is not None and self.missing.done():
            self.missing = None

    def given_to(self, written: str) -> str:
        """HTML by `writer`, its code in colours where it is whole and they are known. The mark
        goes, whatever comes of it."""
        if '<div class="code" data-language="' not in written:
            return written
        if _OPEN.search(written):
            _highlighter.prepare()
        return _CODE.sub(self._coloured, written)

    def _coloured(self, found: re.Match[str]) -> str:
        language, code = html.unescape(found["language"]), html.unescape(found["code"])
        is_plain = language in PLAIN or len(code) > LONGEST
        inner = None if is_plain else self._inner(language, code)
        return found[1] + found[3] + (found["code"] if inner is None else inner)

    def _inner(self, language: str, code: str) -> str | None:
        if self.missing is not None:
            known = _highlighter.known(language, code)
            return known.result() if known and known.done() else None
        answer = _highlighter.ask(language, code, self)
        try:
            return answer.result(self._patience())
        except NotYet:
            self.missing = _highlighter.unanswered = answer
            return None

    def _patience(self) -> float:
        now = time.monotonic()
        if self._until is None:
            is_quick = now - self._began < QUICK
            self._until = self._began + (_highlighter.patience if is_quick else LIMIT)
        return max(0.0, self._until - now)


class LiveColours(Colours):
    """Those of a text that grows: nothing waits. What it has to do without stays plain until all
    that was missing at one time is there, so that the text behind it is sent once more and not
    many times."""

    def __init__(self) -> None:
        super().__init__()
        self.missing = None
        self._plain: set[bytes] = set()
        self._is_complete = True

    def begin(self) -> None:
        super().begin()
        self._is_complete = self.missing is None
        if self._is_complete:
            self._plain.clear()

    def _inner(self, language: str, code: str) -> str | None:
        if (key := _key(language, code)) in self._plain:
            return None
        answer = _highlighter.ask(language, code, self)
        if answer.done():
            return answer.result()
        self._plain.add(key)
        if self._is_complete:
            self.missing = answer
        return None


class _Question(NamedTuple):
    key: bytes
    language: str
    code: str
    answer: Answer
    asker: Colours


class Highlighter:
    """The thread that asks, and what it was answered: that code takes too long, too."""

    def __init__(self) -> None:
        self.process = HighlightingProcess()
        self._questions: queue.SimpleQueue[_Question | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._keeping = threading.Lock()
        self._kept: OrderedDict[bytes, Answer] = OrderedDict()
        self._size = 0
        self._unanswered: Answer | None = None
        self._was_up = False

    @property
    def patience(self) -> float:
        """Not every time that the process has been ended: there may be much code for that."""
        return LIMIT if self._was_up else START

    @property
    def unanswered(self) -> Answer | None:
        """What a page has waited for in vain: until it is there, others need not try."""
        found = self._unanswered
        return None if found is None or found.done() else found

    @unanswered.setter
    def unanswered(self, answer: Answer) -> None:
        self._unanswered = answer

    def known(self, language: str, code: str) -> Answer | None:
        with self._keeping:
            return self._kept.get(_key(language, code))

    def ask(self, language: str, code: str, asker: Colours) -> Answer:
        key = _key(language, code)
        with self._keeping:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            answer = self._kept[key] = Answer()
            self._size += BESIDE
        self._put(_Question(key, language, code, answer, asker))
        return answer

    def prepare(self) -> None:
        """There will be something to ask."""
        if not self.process.is_up:
            self._put(None)

    def close(self) -> None:
        """The next question begins another process."""
        self._was_up = False
        self.process.end()

    def _put(self, question: _Question | None) -> None:
        self._questions.put(question)
        with self._keeping:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="highlighting", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                question = self._questions.get(timeout=IDLE)
            except queue.Empty:
                self.close()
                continue
            try:
                self.process.start()
                self._was_up = True
                if question is not None:
                    self._answer(question)
            except Exception:
                logger.exception("Code could not be coloured")
                if question is not None and not question.answer.done():
                    question.answer.set_result(None)

    def _answer(self, question: _Question) -> None:
        if question.asker.failures >= FAILURES:
            self._forget(question)
            return
        found = None
        # What was killed for another reason than this code gets another chance.
        for _ in range(2):
            try:
                found = _written(self.process.runs(question.language, question.code), question.code)
            except Died as fault:
                if fault.took_too_long:
                    # Its length alone: what people ask is nobody's business.
                    logger.warning("Code of %d characters stays plain", len(question.code))
                    question.asker.failures += 1
                    break
            else:
                break
        question.answer.set_result(found)
        self._count(question.key, found)

    def _forget(self, question: _Question) -> None:
        """Another text may ask."""
        with self._keeping:
            if self._kept.pop(question.key, None) is not None:
                self._size -= BESIDE
        question.answer.set_result(None)

    def _count(self, key: bytes, found: str | None) -> None:
        with self._keeping:
            if key in self._kept:
                self._size += len(found or "")
            while self._size > KEPT:
                _key, oldest = self._kept.popitem(last=False)
                self._size -= BESIDE
                if oldest.done():
                    self._size -= len(oldest.result() or "")


def _key(language: str, code: str) -> bytes:
    return blake2b(f"{language}\0{code}".encode(), digest_size=16).digest()


def _written(runs: list[Run], code: str) -> str | None:
    """None if the words are not those of the code."""
    if "".join(words for _kind, words in runs) != code:
        return None
    return "".join(
        f'<span class="{kind}">{html.escape(words)}</span>' if kind in KINDS else html.escape(words)
        for kind, words in runs
    )


_highlighter = Highlighter()
