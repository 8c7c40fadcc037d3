"""Which addresses a message may lead to, where one stands in plain words, and what is said of where
a link goes."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

import idna

# A host has to follow: browsers take `https:x` and `https:/x` for a path on this very site.
_WEB = re.compile(r"https?://[^\s/\\?#]", re.IGNORECASE)
_MAIL = re.compile(r"mailto:[^\s@]+@", re.IGNORECASE)
_BARE = re.compile(r"\bhttps?://[^\s<>\"`«»“”、。，；：！？（）【】《》「」]+", re.IGNORECASE)
_PUNCTUATION = "?!.,:;*_~'"

# Characters of a host and of an address that are shown.
LONGEST_HOST = 48
LONGEST = 80
_END = 24
# The longest that a host may be.
_MAX_HOST = 253
# Each letter of it as nine characters, and a port.
_MAX_AUTHORITY = 9 * _MAX_HOST + 6
# Browsers leave these out of an address, and take a `\\` for a `/`.
_IGNORED = re.compile(r"[\t\r\n]")
_BEHIND_HOST = re.compile(r"[/\\?#]")
_PORT = re.compile(r":\d{0,5}$")
_BEFORE_HOST = re.compile(r"(?:https?://|mailto:)?(?:www\.)?")
# Of these a reader knows the letters apart. Each is all that a name between two dots may have, for
# what looks like a letter of one is often a letter of another.
_SCRIPTS = {"LATIN": "LATIN", "CYRILLIC": "CYRILLIC", "GREEK": "GREEK"} | {
    "HEBREW": "HEBREW",
    "ARABIC": "ARABIC",
    "DEVANAGARI": "DEVANAGARI",
    "THAI": "THAI",
    "HANGUL": "HANGUL",
    "CJK": "EAST ASIAN",
    "HIRAGANA": "EAST ASIAN",
    "KATAKANA": "EAST ASIAN",
}
_LAST_OF_LATIN = "\u017f"
# A whole word can be written with these and look Latin.
_LIKE_LATIN = frozenset("асԁеһіјӏорԛѕԝхуьъҽпгѵѡкмнтвαγεικνηορτυχωıĸ")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of plain text, and the address it names if it is one."""

    text: str
    address: str = ""


def followable(address: str) -> str:
    """The address if it may be a link, else nothing: only to other sites, or to a mailbox."""
    return address if _WEB.match(address) or _MAIL.match(address) else ""


def place(address: str) -> str:
    """Where a followable address leads: its host, or a mailbox. One that could be read as another
    is given as the network writes it."""
    if _MAIL.match(address):
        mailbox = unquote(address.partition(":")[2].partition("?")[0])
        name, _, host = mailbox.rpartition("@")
        return _ended(f"{name}@{_host(host)}")
    host = unquote(_authority(address))
    port = _PORT.search(host)
    return _ended(_host(_PORT.sub("", host)) + (port[0] if port else ""))


def tells(words: str, address: str, host: str) -> bool:
    """Whether who reads these words of a link knows that it leads to this place."""
    said, leads_to, host = map(_without_scheme, (words, address, host))
    if said == host:
        return True
    behind = leads_to[len(host) : len(host) + 1]
    return said == leads_to and leads_to.startswith(host) and (not behind or behind in "/\\?#")


def cut(address: str) -> tuple[str, str, str]:
    """What is shown of an address, what is left out in its middle, and what is shown after that."""
    if len(address) <= LONGEST:
        return address, "", ""
    begins = LONGEST - _END
    return address[:begins], address[begins:-_END], address[-_END:]


def is_foreign(address: str) -> bool:
    """Whether it takes much longer to say where it leads."""
    return not unquote(address).isascii()


def _authority(address: str) -> str:
    """The host as it was written, and its port."""
    rest = _IGNORED.sub("", address).partition(":")[2][2:]
    return _BEHIND_HOST.split(rest, maxsplit=1)[0].rpartition("@")[2]


def _without_scheme(address: str) -> str:
    address = address.strip().lower().removesuffix("/")
    return _BEFORE_HOST.sub("", address, count=1)


def _ended(host: str) -> str:
    """Of a name that is too long its end, which says who it belongs to."""
    return host if len(host) <= LONGEST_HOST else "…" + host[1 - LONGEST_HOST :].lstrip(".")


def _host(host: str) -> str:
    host = host.lower()
    if host.isascii():
        return host
    try:
        # As browsers read it: a full-width letter is the letter.
        mapped = idna.uts46_remap(host[-_MAX_HOST:])
        written = idna.encode(mapped).decode()
    except UnicodeError:
        return ".".join(map(_coded, host[-_MAX_HOST:].split(".")))
    return mapped if all(map(_is_plain, mapped.split("."))) else written


def _coded(label: str) -> str:
    return label if label.isascii() else "xn--" + label.encode("punycode").decode()


def _is_plain(label: str) -> bool:
    """Whether a name cannot be taken for one in other letters."""
    letters = [letter for letter in label if letter not in "-0123456789"]
    scripts = {_SCRIPTS.get(unicodedata.name(letter, "").split(" ")[0]) for letter in letters}
    if scripts <= {"LATIN"}:
        return not any(letter > _LAST_OF_LATIN or letter in _LIKE_LATIN for letter in letters)
    return len(scripts) == 1 and None not in scripts and not _LIKE_LATIN.issuperset(letters)


def network_address(address: str) -> str:
    """What decides whether a browser can make anything of a followable address."""
    if _MAIL.match(address):
        return "mailto:a@b"
    return f"https://{_authority(address)[-_MAX_AUTHORITY:]}"


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
