"""Reads rendered HTML as a browser would, and says what has no business in it.

The list of what is allowed is written out here a second time, so that a change of the renderer's
own list does not change what is tested.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

PLAIN = "p br hr h3 h4 h5 h6 blockquote ul em strong del code table thead tbody tr dl dt dd"
ALLOWED: dict[str, dict[str, re.Pattern[str]]] = {
    **{name: {} for name in PLAIN.split()},
    "div": {
        "class": re.compile(r"code|table-scroll"),
        "data-language": re.compile(r"[a-z0-9_+#.-]{1,32}"),
        "tabindex": re.compile("0"),
        "role": re.compile("group"),
        "data-diagram": re.compile(""),
        "aria-label": re.compile("Table"),
    },
    "pre": {"class": re.compile("plain"), "tabindex": re.compile("0")},
    "a": {
        "class": re.compile("image"),
        "href": re.compile(r"(https?://[^/\\\s]|mailto:[^\s@]+@).*", re.IGNORECASE | re.DOTALL),
        "rel": re.compile("noopener noreferrer nofollow"),
        "target": re.compile("_blank"),
        "title": re.compile("[^\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]{81,300}", re.DOTALL),
    },
    "ol": {"class": re.compile("notes"), "start": re.compile(r"\d{1,9}")},
    "li": {"class": re.compile("task")},
    "span": {
        "class": re.compile("[cdfiknst]|math|math-block|host|cut"),
        "tabindex": re.compile("0"),
        "aria-hidden": re.compile("true"),
    },
    "sup": {"class": re.compile("note")},
    "th": {"scope": re.compile("col"), "data-align": re.compile("left|center|right")},
    "td": {"data-align": re.compile("left|center|right")},
}
EMPTY = {"br", "hr"}
UNSEEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff]")


class Reading(HTMLParser):
    """What a piece of HTML holds: its words, its links, its tags, its faults."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.faults: list[str] = []
        self.words = ""
        self.links: list[str] = []
        self.tags: list[str] = []
        self.depth = 0
        self._open: list[str] = []
        self.feed(html)
        self.close()
        self.faults += [f"<{tag}> is left open" for tag in self._open]
        self.faults += [f"{found!r} is unseen" for found in UNSEEN.findall(html)]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            allowed = ALLOWED.get(tag, {}).get(name)
            if not allowed or not allowed.fullmatch(value or ""):
                self.faults.append(f"<{tag} {name}={value!r}>")
        if tag not in ALLOWED:
            self.faults.append(f"<{tag}>")
        if tag == "a":
            self._check_link(dict(attrs))
        if tag not in EMPTY:
            self._open.append(tag)
            self.depth = max(self.depth, len(self._open))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        self.words += data

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"<!--{data}")

    def handle_decl(self, decl: str) -> None:
        self.faults.append(f"<!{decl}")

    def unknown_decl(self, data: str) -> None:
        self.faults.append(f"<![{data}")

    def handle_pi(self, data: str) -> None:
        self.faults.append(f"<?{data}")

    def _check_link(self, attributes: dict[str, str | None]) -> None:
        self.links.append(attributes.get("href") or "")
        if not attributes.get("href"):
            self.faults.append("a link to nowhere")
        if "a" in self._open:
            self.faults.append("a link in a link")
        if not (attributes.get("rel") and attributes.get("target")):
            self.faults.append("a link that tells where it comes from")
