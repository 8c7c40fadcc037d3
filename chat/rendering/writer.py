"""HTML from the events of the Markdown parser: every tag of a message is written here."""

import html
import re
from dataclasses import dataclass, field

from django.utils.translation import gettext
from pyromark.event import Event

from chat.rendering import allowed, links

MAX_NESTING = 32
# What a link takes, in events of the parser; and one whose host has to be looked at closely.
LINK_COST = 30
FOREIGN_COST = 100
MAX_COST = 100_000
MAX_TITLE = 300
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_BREAKS = {"SoftBreak": "\n", "HardBreak": "<br>\n", "Rule": "<hr>\n"}
_INLINE = {"Emphasis": "em", "Strong": "strong", "Strikethrough": "del"}
_ALIGNED = {"Left": ' data-align="left"', "Center": ' data-align="center"'} | {
    "Right": ' data-align="right"'
}
_LANGUAGE = re.compile(r"[a-z0-9_+#.-]{1,32}(?![^\s,:{])", re.IGNORECASE)
_LINE_BREAK = re.compile(r"<br\s{0,8}/?>", re.IGNORECASE)
# Control characters, and those that force text to run backwards.
_UNSEEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202d\u202e]")
# Code with these characters in it does not run as it reads.
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_TAG = re.compile(r"<[^>]*>")


class TooIntricate(Exception):
    """It is shown as it is."""


class Writer:
    """What nests deeper than `MAX_NESTING` loses its tags, not its words."""

    def __init__(self) -> None:
        # Of all links since somebody set it to nothing.
        self.cost = 0
        self._parts: list[str] = []
        self._words: list[str] = []
        # The end tag of everything that is open; "" for what was left out.
        self._ends: list[str] = []
        self._depth = 0
        self._in_code = False
        self._is_whole = True
        self._link: _Link | None = None
        self._image: _Image | None = None
        self._table = _Table(())
        self._notes = _Notes()

    def html(self) -> str:
        return "".join(self._parts) + self._notes.html()

    def take(self) -> str:
        """What was written since the last time, where nothing is open. Footnotes are not in it."""
        written = "".join(self._parts)
        self._parts.clear()
        return written

    def write(self, event: Event, *, is_whole: bool = True) -> None:
        """One event. Of a block of code is told whether its end was written, too.

        Raises TooIntricate."""
        self._is_whole = is_whole
        # Words may come in pieces, and an address in them is only seen in the whole.
        if self._words and not (isinstance(event, dict) and "Text" in event):
            self._write_text("".join(self._words))
            self._words.clear()
        match event:
            case _ if self._image:
                self._write_in_image(self._image, event)
            case {"Text": str(text)}:
                self._words.append(text)
            case {"Start": tag}:
                self._start(tag)
            case {"End": tag}:
                self._end(tag)
            case _:
                self._write_single(event)

    def _write_text(self, text: str) -> None:
        if self._in_code or self._link:
            self._parts.append(_code(text))
        elif "://" not in text:
            self._parts.append(_escaped(text))
        else:
            for piece in links.pieces(text):
                if _followable(piece.address):
                    self._write_link(piece.address, _address(piece.address), piece.address)
                else:
                    self._parts.append(_escaped(piece.text))

    def _write_link(self, address: str, markup: str, words: str, kind: str = "") -> None:
        """A whole link, which reads as these words."""
        self._parts += [self._anchor(address, kind), markup, _place(address, words), "</a>"]

    def _anchor(self, address: str, kind: str = "") -> str:
        self.cost += FOREIGN_COST if links.is_foreign(address) else LINK_COST
        if self.cost > MAX_COST:
            raise TooIntricate
        # `allowed` adds what every link has.
        kind = f' class="{kind}"' if kind else ""
        is_cut = len(address) > links.LONGEST
        title = f' title="{_code(address[:MAX_TITLE])}"' if is_cut else ""
        return f'<a{kind} href="{_escaped(address)}"{title}>'

    def _write_single(self, event: Event) -> None:
        match event:
            case str(name):
                self._parts.append(_BREAKS[name])
            case {"Code": str(text)}:
                self._parts.append(f"<code>{_code(text)}</code>")
            case {"InlineMath": str(formula)}:
                self._parts.append(f'<span class="math">{_code(formula.strip())}</span>')
            case {"DisplayMath": str(formula)}:
                # To be scrolled by keys it has to take the focus.
                start = '<span class="math-block" tabindex="0">'
                self._parts.append(f"{start}{_code(formula.strip())}</span>")
            case {"InlineHtml": str(tag)} if _LINE_BREAK.fullmatch(tag):
                # Models write it in tables, where Markdown has no line break of its own.
                self._parts.append("<br>")
            case {"InlineHtml": str(text)}:
                self._parts.append(_code(text) if self._link else _escaped(text))
            case {"Html": str(text)}:
                self._parts.append(_code(text))
            case {"TaskListMarker": bool(done)}:
                self._mark_task(done)
            case {"FootnoteReference": str(label)}:
                self._parts.append(f'<sup class="note">{self._notes.number(label)}</sup>')

    def _write_in_image(self, image: "_Image", event: Event) -> None:
        """An image is shown by its words alone, and they may hold images again."""
        match event:
            case (
                {"Text": str(text)}
                | {"Code": str(text)}
                | {"InlineHtml": str(text)}
                | {"InlineMath": str(text)}
                | {"DisplayMath": str(text)}
            ):
                image.words.append(text)
            case "SoftBreak" | "HardBreak":
                image.words.append(" ")
            case {"Start": {"Image": _}}:
                image.depth += 1
            case {"End": "Image"} if image.depth:
                image.depth -= 1
            case {"End": "Image"}:
                self._image = None
                self._write_image(image)

    def _write_image(self, image: "_Image") -> None:
        address = _followable(image.address)
        words = "".join(image.words).strip()
        if words or address:
            label = gettext("Image: %(label)s")
            markup = _code(label) % {"label": _code(words) or _address(address)}
            if address and self._link is None:
                self._write_link(address, markup, words or address, "image")
            else:
                self._parts.append(markup)

    def _mark_task(self, done: bool) -> None:
        # The item has just begun, in a loose list with a paragraph.
        for place in range(len(self._parts) - 1, max(-1, len(self._parts) - 3), -1):
            if self._parts[place] == "<li>":
                self._parts[place] = '<li class="task">'
        self._parts.append("☑ " if done else "☐ ")

    def _start(self, tag: object) -> None:
        match tag:
            case "Paragraph":
                self._open("<p>", "</p>\n")
            case "Emphasis" | "Strong" | "Strikethrough":
                name = _INLINE[tag]
                self._open_nested(f"<{name}>", f"</{name}>")
            case "Item":
                # An item of a list that was left out is only a line.
                self._open(*(("<li>", "</li>\n") if self._ends[-1] else ("\n", "")))
            case {"List": None}:
                self._open_nested("<ul>\n", "</ul>\n")
            case {"List": int(first)}:
                start = "" if first == 1 else f' start="{first}"'
                self._open_nested(f"<ol{start}>\n", "</ol>\n")
            case "DefinitionList":
                self._open_nested("<dl>\n", "</dl>\n")
            case "DefinitionListTitle":
                self._open(*(("<dt>", "</dt>\n") if self._ends[-1] else ("\n", "")))
            case "DefinitionListDefinition":
                self._open(*(("<dd>", "</dd>\n") if self._ends[-1] else ("\n", "")))
            case {"BlockQuote": _}:
                self._open_nested("<blockquote>\n", "</blockquote>\n")
            case {"Heading": {"level": str(level)}}:
                # The levels above belong to the page.
                name = f"h{min(int(level[1]) + 2, 6)}"
                self._open(f"<{name}>", f"</{name}>\n")
            case {"CodeBlock": {"Fenced": str(info)}}:
                self._open_code(info)
            case {"CodeBlock": _} | "HtmlBlock":
                self._open_code("")
            case {"Link": {"dest_url": str(address), "link_type": kind}}:
                self._open_link(f"mailto:{address}" if kind == "Email" else address)
            case {"Image": {"dest_url": str(address)}}:
                self._image = _Image(address)
            case {"FootnoteDefinition": str(label)}:
                self._open("", "")
                self._parts = self._notes.open(label, self._parts)
            case _:
                self._start_in_table(tag)

    def _start_in_table(self, tag: object) -> None:
        match tag:
            case {"Table": tuple(alignments)}:
                self._table = _Table(alignments)
                label = _escaped(gettext("Table"))
                box = f'<div class="table-scroll" tabindex="0" role="group" aria-label="{label}">'
                self._open(f"{box}<table>", "</tbody></table></div>\n")
            case "TableHead":
                self._open("<thead><tr>", "</tr></thead><tbody>\n")
            case "TableRow":
                self._table.begin_row()
                self._open("<tr>", "</tr>\n")
            case "TableCell":
                self._open(*self._table.next_cell())

    def _end(self, tag: object) -> None:
        match tag:
            case "CodeBlock" | "HtmlBlock":
                self._in_code = False
            case "Link" if self._link:
                self._end_link(self._link)
                self._link = None
            case "FootnoteDefinition":
                self._parts = self._notes.close(self._parts)
        end = self._ends.pop()
        self._depth -= bool(end)
        self._parts.append(end)

    def _open(self, start: str, end: str) -> None:
        self._parts.append(start)
        self._ends.append(end)
        self._depth += bool(end)

    def _open_nested(self, start: str, end: str) -> None:
        """Open what can hold its like, unless that goes too deep for the allow-list."""
        self._open(*((start, end) if self._depth < MAX_NESTING else ("", "")))

    def _open_code(self, info: str) -> None:
        language = _LANGUAGE.match(info.strip())
        name = f' data-language="{_escaped(language[0].lower())}"' if language else ""
        if name and self._is_whole:
            # A diagram is drawn by the page; `highlighting` takes the other away.
            is_diagram = language and language[0].lower() == "mermaid"
            name += ' data-diagram=""' if is_diagram else " data-whole"
        # To be scrolled by keys it has to take the focus.
        self._open(f'<div class="code"{name}><pre tabindex="0"><code>', "</code></pre></div>\n")
        self._in_code = True

    def _open_link(self, address: str) -> None:
        address = _followable(address)
        self._open_nested(*((self._anchor(address), "</a>") if address else ("", "")))
        self._link = _Link(address, begins=len(self._parts))

    def _end_link(self, link: "_Link") -> None:
        written = "".join(self._parts[link.begins :])
        words = html.unescape(_TAG.sub("", written))
        if not words.strip() or written == _code(link.address):
            self._parts[link.begins :] = [_address(link.address)]
            words = link.address
        if self._ends[-1]:
            self._parts.append(_place(link.address, words))


@dataclass(slots=True)
class _Link:
    """The open link, where its words begin, and where it leads if it may."""

    address: str
    begins: int


@dataclass(slots=True)
class _Image:
    """A link to a picture that is not loaded, named by the words that describe it."""

    address: str
    words: list[str] = field(default_factory=list)
    depth: int = 0


class _Table:
    """Where in a table the next cell stands."""

    def __init__(self, alignments: tuple[str, ...]) -> None:
        self._alignments = alignments
        self._column = 0
        self._in_head = True

    def begin_row(self) -> None:
        self._column = 0
        self._in_head = False

    def next_cell(self) -> tuple[str, str]:
        aligned = _ALIGNED.get(self._alignments[self._column], "")
        self._column += 1
        return (
            (f'<th scope="col"{aligned}>', "</th>")
            if self._in_head
            else (f"<td{aligned}>", "</td>")
        )


class _Notes:
    """Footnotes, numbered as the text comes to them, to be written at the end."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._written: dict[int, str] = {}
        self._open: list[tuple[int, list[str]]] = []

    def number(self, label: str) -> int:
        return self._numbers.setdefault(label, len(self._numbers) + 1)

    def open(self, label: str, text: list[str]) -> list[str]:
        """Set the text aside, and give the empty page on which the note is to be written."""
        self._open.append((self.number(label), text))
        return []

    def close(self, note: list[str]) -> list[str]:
        """Keep the note, and give back the text that was set aside."""
        number, text = self._open.pop()
        self._written.setdefault(number, "".join(note))
        return text

    def html(self) -> str:
        items = [f"<li>{self._written.get(number, '')}</li>\n" for number in self._numbers.values()]
        return "".join(['<ol class="notes">\n', *items, "</ol>\n"]) if items else ""


def seen(written: str) -> str:
    """With a mark for each character that nobody would see."""
    return _UNSEEN.sub(REPLACEMENT, written)


def _followable(address: str) -> str:
    address = links.followable(address)
    leads = address and allowed.leads(links.network_address(seen(address)))
    return address if leads else ""


def _address(address: str) -> str:
    """As words. What is left out of a long one is there for whoever copies it."""
    start, middle, end = map(_code, links.cut(address))
    return start + (f'<span class="cut" aria-hidden="true">{middle}</span>' if middle else "") + end


def _place(address: str, words: str) -> str:
    """What stands behind the words of a link if they do not say where it leads."""
    place = links.place(address)
    if links.tells(words, address, place):
        return ""
    return f'<span class="host"> ({_code(place)})</span>'


def _escaped(text: str) -> str:
    return html.escape(text)


def _code(text: str) -> str:
    return html.escape(_TURNING.sub(REPLACEMENT, text))
