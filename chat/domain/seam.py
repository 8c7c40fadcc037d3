"""Where the rest of an answer joins its beginning, so that nobody sees it.

A model that goes on is asked to repeat the end of what is there. What it repeats is taken out; one
that does not repeat it is believed to go on at the very place.
"""

from __future__ import annotations

# Characters: what is asked to be repeated, and how far back a repetition may begin.
END = 60
REACH = 400
# Fewer in common may be chance.
FEWEST = 8


def end_of(begun: str) -> str:
    """The last characters of a text, from the beginning of a word."""
    end = begun[-END:]
    head, blank, tail = end.partition(" ")
    return tail if blank and len(begun) > END and len(tail) >= FEWEST else end


class Seam:
    """Takes the rest piece by piece and gives it without what repeats the beginning."""

    def __init__(self, begun: str) -> None:
        self._begun = begun[-REACH:]
        self._held = ""
        self._is_past = not begun

    def take(self, text: str) -> str:
        """What of the text so far surely belongs to the rest. May be held back for a moment."""
        if self._is_past:
            return text
        self._held += text
        if self._may_repeat_more():
            return ""
        return self.rest()

    def rest(self) -> str:
        """What was held back, once nothing more comes."""
        self._is_past, held, self._held = True, self._held, ""
        bare = held.lstrip()
        overlap = self._overlap(bare)
        return bare[overlap:] if overlap else held

    def _may_repeat_more(self) -> bool:
        """Whether all of it is within the beginning, and not yet at its end."""
        return self._held.lstrip() in self._begun[:-1]

    def _overlap(self, text: str) -> int:
        """The length of the longest start of `text` that is an end of the beginning."""
        fewest = min(FEWEST, len(self._begun))
        for length in range(min(len(text), len(self._begun)), fewest - 1, -1):
            if self._begun.endswith(text[:length]):
                return length
        return 0
