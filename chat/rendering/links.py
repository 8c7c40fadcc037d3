"""Which addresses a message may lead to, and where one stands in plain words."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# A host has to follow: browsers take `https:x` and `https:/x` for a path on this very site.
_WEB = re.compile(r"https?://[^\s/\\?#]", re.IGNORECASE)
_MAIL = re.compile(r"mailto:[^\s@]+@", re.IGNORECASE)
_BARE = re.compile(r"\bhttps?://[^\s<>\"`«»“”、。，；：！？（）【】《》「」]+", re.IGNORECASE)
_PUNCTUATION = "?!.,:;*_~'"


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of plain text, and the address it names if it is one."""

    text: str
    address: str = ""


def followable(address: str) -> str:
    """The address if it may be a link, else nothing: only to other sites, or to a mailbox."""
    return address if _WEB.match(address) or _MAIL.match(address) else ""


def pieces(text: str) -> Iterator[Piece]:
    """Cut `text` at the addresses that stand in it without any markup."""
    position = 0
    for found in _BARE.finditer(text):
        address = _without_trailing(found[0])
        if followable(address):
            yield Piece(text[position : found.start()])
            yield Piece(address, address)
            position = found.start() + len(address)
    yield Piece(text[position:])


def _without_trailing(address: str) -> str:
    """Leave out the end of a sentence, and brackets that were opened before the address."""
    address = address.rstrip(_PUNCTUATION)
    closing = len(address) - len(address.rstrip(")"))
    unopened = address.count(")") - address.count("(")
    return address[: len(address) - max(0, min(closing, unopened))].rstrip(_PUNCTUATION)
