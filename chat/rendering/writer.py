"""HTML from the events of the Markdown parser: every tag of a message is written here."""

import html
import re
from dataclasses import dataclass, field

from django.utils.translation import gettext
from pyromark.event import Event

from chat.rendering import links

MAX_NESTING = 32
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_BREAKS = {"SoftBreak": "\n", "HardBreak": "<br>\n", "Rule": "<hr>\n"}
_INLINE = {"Emphasis": "em", "Strong": "strong", "Strikethrough": "del"}
_ALIGNED = {"Left": ' data-align="left"', "Center": ' data-align="center"'} | {
    "Right": ' data-align="right"'
}
_LANGUAGE = re.compile(r"[a-z0-9_+#.-]{1,32}(?![^\s,:{])", re.IGNORECASE)
_LINE_BREAK = re.compile(r"<br\s{0,8}/?>", re.IGNORECASE)
# Code with these characters in it does not run as it reads.
_TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Writer:
    """What nests deeper than `MAX_NESTING` loses its tags, not its words."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._words: list[str] = []
        # The end tag of everything that is open; "" for what was left out.
        self._ends: list[str] = []
        self._depth = 0
        self._in_code = False
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

    def write(self, event: Event) -> None:
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
        if self._in_code:
            self._parts.append(_code(text))
        elif self._link or "://" not in text:
            self._parts.append(_escaped(text))
        else:
            for piece in links.pieces(text):
                words = _escaped(piece.text)
                start = _anchor_start(piece.address) if piece.address else ""
                self._parts.append(f"{start}{words}</a>" if start else words)

    def _write_single(self, event: Event) -> None:
        match event:
            case str(name):
                self._parts.append(_BREAKS[name])
            case {"Code": str(text)}:
                self._parts.append(f"<code>{_code(text)}</code>")
            case {"InlineHtml": str(tag)} if _LINE_BREAK.fullmatch(tag):
                # Models write it in tables, where Markdown has no line break of its own.
                self._parts.append("<br>")
            case {"InlineHtml": str(text)}:
                self._parts.append(_escaped(text))
            case {"Html": str(text)}:
                self._parts.append(_code(text))
            case {"TaskListMarker": bool(done)}:
                self._mark_task(done)
            case {"FootnoteReference": str(label)}:
                self._parts.append(f'<sup class="note">{self._notes.number(label)}</sup>')

    def _write_in_image(self, image: "_Image", event: Event) -> None:
        """An image is shown by its words alone, and they may hold images again."""
        match event:
            case {"Text": str(text)} | {"Code": str(text)} | {"InlineHtml": str(text)}:
                image.words.append(text)
            case "SoftBreak" | "HardBreak":
                image.words.append(" ")
            case {"Start": {"Image": _}}:
                image.depth += 1
            case {"End": "Image"} if image.depth:
                image.depth -= 1
            case {"End": "Image"}:
                self._image = None
                self._parts.append(image.html(is_linked=self._link is not None))

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
                if len(self._parts) == self._link.begins:
                    self._parts.append(_escaped(self._link.address))
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
        # To be scrolled by keys it has to take the focus.
        self._open(f'<div class="code"{name}><pre tabindex="0"><code>', "</code></pre></div>\n")
        self._in_code = True

    def _open_link(self, address: str) -> None:
        address = links.followable(address)
        self._open_nested(*((_anchor_start(address), "</a>") if address else ("", "")))
        self._link = _Link(address, begins=len(self._parts))


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

    def html(self, *, is_linked: bool) -> str:
        address = links.followable(self.address)
        label = "".join(self.words).strip() or address
        if not label:
            return ""
        words = _escaped(gettext("Image: %(label)s") % {"label": label})
        return (
            f"{_anchor_start(address, 'image')}{words}</a>" if address and not is_linked else words
        )


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


def _anchor_start(address: str, kind: str = "") -> str:
    # `allowed` adds what every link has.
    kind = f' class="{kind}"' if kind else ""
    return f'<a{kind} href="{_escaped(address)}">'


def _escaped(text: str) -> str:
    return html.escape(text)


def _code(text: str) -> str:
    return html.escape(_TURNING.sub(REPLACEMENT, text))
