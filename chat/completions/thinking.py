"""Parts thinking from answer where a model writes both into its text, between tags.

Only a tag that the text begins with counts: an answer may well speak about `<think>`.
"""

from enum import Enum, auto

TAGS = ("<think>", "<thinking>", "<thought>")
# No model writes more blanks than that before a tag.
LONGEST_START = 64


class _Place(Enum):
    START = auto()
    THINKING = auto()
    AFTER_THINKING = auto()
    ANSWER = auto()


class ThinkingSplitter:
    """Takes text in pieces, cut anywhere, and gives back (reasoning, text) of each."""

    def __init__(self) -> None:
        self._place = _Place.START
        self._held = ""
        self._closing = ""

    def feed(self, piece: str) -> tuple[str, str]:
        match self._place:
            case _Place.ANSWER:
                return "", piece
            case _Place.START:
                return self._at_start(self._held + piece)
            case _Place.THINKING:
                return self._in_thinking(self._held + piece)
            case _Place.AFTER_THINKING:
                return "", self._begin_answer(piece)

    def finish(self) -> tuple[str, str]:
        """What was held back because more could have followed."""
        held, self._held = self._held, ""
        return (held, "") if self._place is _Place.THINKING else ("", held)

    def _at_start(self, text: str) -> tuple[str, str]:
        begin = text.lstrip()
        for tag in TAGS:
            if begin.startswith(tag):
                self._place, self._held = _Place.THINKING, ""
                self._closing = tag.replace("<", "</")
                return self._in_thinking(begin.removeprefix(tag))
        if len(text) <= LONGEST_START and any(tag.startswith(begin) for tag in TAGS):
            self._held = text
            return "", ""
        self._place, self._held = _Place.ANSWER, ""
        return "", text

    def _in_thinking(self, text: str) -> tuple[str, str]:
        end = text.find(self._closing)
        if end < 0:
            kept = _overlap(text, self._closing)
            self._held = text[len(text) - kept :]
            return text[: len(text) - kept], ""
        self._place, self._held = _Place.AFTER_THINKING, ""
        return text[:end], self._begin_answer(text[end + len(self._closing) :])

    def _begin_answer(self, text: str) -> str:
        """Without the blank lines between thinking and answer."""
        answer = text.lstrip()
        if answer:
            self._place = _Place.ANSWER
        return answer


def _overlap(text: str, tag: str) -> int:
    """How many of the last characters could be the beginning of `tag`."""
    return next(n for n in range(len(tag) - 1, -1, -1) if text.endswith(tag[:n]))
