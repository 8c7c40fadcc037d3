"""A text that grows looks at each moment as if it had come at once, and little is sent for it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chat.generation.canvas import Canvas
from chat.generation.hub import LiveReply, Piece
from chat.rendering import frames, highlighting, live, markdown
from chat.rendering.highlighting import Colours
from chat.rendering.live import LiveMarkdown
from chat.rendering.writer import Writer
from tests import tree
from tests.rendering.hostile import HOSTILE
from tests.rendering.test_hostile_markdown import SYNTAX

# fmt: off
BLOCKS = st.sampled_from([
    "Plain words of a paragraph, which goes on.", "## A heading", "It is *so* and **so** and `so`.",
    "- one\n- two\n  - of two\n- three", "1. first\n2. second\n\n   more of it", "- a\n\n- loose",
    "| a | b |\n|---|--:|\n| 1 | 2 < 3 |\n| *x* | `y` |", "```python\nif a < b:\n    pass\n```",
    "> quoted\n> twice\n>\n> > deeper", "---", "Title\n===", "    indented\n\n    code", "* * *",
    "See https://a.example/b?c=d&e=f. [A link](https://b.example 'title'), ![alt](http://c.d/e).",
    "Line one  \nline two\\\nline three", "- [ ] open\n- [x] done", "<b>raw</b> &amp; &lt; &copy;",
    "Emoji 👩‍👩‍👧 and ünïcödé, 漢字。", "- a\n#\nb", "#hashtag\n# ", "text\n- [ ",
    "$5 ~~gone~~ _a_b_", "1) a\n2) b\n- c", "```\nopen fence\n\n- x",
    "snake_case and 2 * 3 * 4 = 24", "12 are 3\n4; 5\n- 6 of 7", "2. 10) 4", "word\n\n\n\nword",
    r"So \(x_1 + *y*\) and \[a\]", "$x$, $5-$6 and $$y\n+ z$$", r"$$\sum_{i}$$",
    r"\[\nx = y \\\\[2pt]\n\]",
    r"# A \(x\)", r"[\(a\)](https://b.example/\(c\)) \( `\(d\)` \)", "```mermaid\ngraph TD\n```",
    "Term\n: what it is\n: and also\n\nOther\n\n: loose", ": no term", "~~~js\nlet a = `b`;\n~~~",
    "> ```sql\n> select 1\n> ```", "- ```sh\n  ls -l # all\n  ```\n- so", "```diff\n+ a\n- b\n```",
])
# fmt: on
DOCUMENTS = st.lists(BLOCKS, min_size=1, max_size=6).flatmap(
    lambda blocks: st.sampled_from(["\n\n", "\n"]).map(lambda between: between.join(blocks))
)
CUTS = st.lists(st.integers(1, 12), min_size=1, max_size=60)


def pieces_of(text: str, cuts: list[int]) -> list[str]:
    pieces, position, number = [], 0, 0
    while position < len(text):
        size = cuts[number % len(cuts)]
        pieces.append(text[position : position + size])
        position, number = position + size, number + 1
    return pieces


def whole(text: str) -> str:
    """As the finished message is rendered, but for its footnotes, which come at the end."""
    return str(markdown.render(text)).split('<ol class="notes">')[0]


class Page:
    """Comes while a reply is written, and is sent the rest as a viewer sends it."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        picture, self._position = canvas.picture()
        self.text = tree.Text(picture.text)
        self._goes_on = False
        self.bytes = 0

    def catch_up(self) -> None:
        while new := self._canvas.slice(self._position, goes_on=self._goes_on):
            frame = frames.strokes(1, new)
            self._position, self._goes_on = self._position + len(new), True
            self.bytes += len(frame.encode())
            self.text.take(tree.strokes(frame)[1])


def canvas_of(*pieces: str) -> Canvas:
    return Canvas(LiveReply(1, uuid.uuid4(), [Piece(piece, "") for piece in pieces]), "en")


def write(canvas: Canvas, piece: str) -> None:
    canvas.reply.pieces.append(Piece(piece, ""))
    canvas.draw()


def in_colours(canvas: Canvas) -> Canvas:
    while waits_for := canvas.waits_for:
        waits_for[0].result(20)
        canvas.draw()
    return canvas


@pytest.fixture(scope="module", autouse=True)
def _all_the_time_in_the_world() -> Iterator[None]:
    """For code, whose colours a page would not wait for on a machine that is busy."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(highlighting, "LIMIT", 20.0)
        patched.setattr(highlighting, "START", 20.0)
        yield


@given(DOCUMENTS | SYNTAX, CUTS)
# What looks like the beginning of a heading becomes a word of the line before it.
@example(text="- a\n#tag and\nmore", cuts=[1])
@settings(max_examples=300)
def test_at_each_moment_it_is_what_the_text_so_far_would_be(text: str, cuts: list[int]) -> None:
    grown, so_far = LiveMarkdown(), ""
    for piece in pieces_of(text, cuts):
        grown.grow(piece)
        so_far += piece
        # What is mentioned before it is defined is right only at the end.
        if "]:" not in so_far:
            # Which waits until all code is in its colours.
            expected = whole(so_far)
            grown.colour()
            assert grown.html == expected


@given(DOCUMENTS | SYNTAX | st.sampled_from(sorted(HOSTILE.values())), CUTS, st.data())
@settings(max_examples=300)
def test_every_page_shows_the_same_whenever_it_came_and_however_slowly_it_reads(
    text: str, cuts: list[int], data: st.DataObject
) -> None:
    canvas = canvas_of()
    pages: list[Page] = []
    for piece in pieces_of(text, cuts):
        if len(pages) < 3 and data.draw(st.booleans()):
            pages.append(Page(canvas))
        write(canvas, piece)
        for page in pages:
            if data.draw(st.booleans()):
                picture, _position = canvas.picture()
                page.catch_up()
                assert page.text.root == tree.read(picture.text)
    # The last words may come with the end alone.
    text += data.draw(st.sampled_from(["", " and *more*", "\n\n[^1]: a note", "\n\n[a]: http://b"]))
    canvas.end(text, "")
    for page in pages:
        page.catch_up()
        assert page.text.root == tree.read(markdown.render(text))


@given(DOCUMENTS | SYNTAX, st.integers(0, 200))
def test_a_page_that_comes_late_gets_what_one_that_was_there_from_the_beginning_has(
    text: str, cut: int
) -> None:
    early, late = canvas_of(text[:cut]), canvas_of(text[:cut])
    for canvas in (early, late):
        canvas.draw()
    for character in text[cut:]:
        write(early, character)
    write(late, text[cut:])
    if "]:" not in text:
        assert in_colours(early).picture()[0] == in_colours(late).picture()[0]


def test_words_in_a_paragraph_cost_one_character_more_than_they_have() -> None:
    canvas = canvas_of("One")
    page = Page(canvas)
    write(canvas, " two")
    page.catch_up()
    before = page.bytes

    write(canvas, " three, and")
    page.catch_up()

    assert page.bytes - before == len("+ three, and")
    assert page.text.words.strip() == "One two three, and"


def test_a_text_that_is_too_long_becomes_plain_and_goes_on_growing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "MAX_CHARACTERS", 40)
    canvas = canvas_of("# Title\n\nSome *words* & more")
    page = Page(canvas)

    for piece in (" and much, much more *of* it", "\n<b>", " the 'end'\r", "\n."):
        write(canvas, piece)
        page.catch_up()

    text = "# Title\n\nSome *words* & more and much, much more *of* it\n<b> the 'end'\n."
    assert page.text.words == text
    assert page.text.root == tree.read(canvas.picture()[0].text) == tree.read(markdown.plain(text))


def test_a_link_whose_address_was_given_before_works_while_it_is_written() -> None:
    text = "[home]: https://a.example\n\nFirst.\n\nSecond.\n\nSee [home]."
    grown = LiveMarkdown()
    for character in text:
        grown.grow(character)

    assert grown.html == whole(text)


def test_links_count_once_however_often_their_paragraph_is_rendered() -> None:
    text = "[a](https://b.example) *c* " * 200
    grown = LiveMarkdown()
    for piece in pieces_of(text, [27]):
        grown.grow(piece)

    assert grown.html == whole(text)


def section(number: int) -> str:
    """About 2,500 characters."""
    return (
        f"## Heading {number}\n\n"
        + "Some *words* and **bold** text, with `code`, that go on. " * 8
        + "\n\n```python\n"
        + f"def f{number}(x):\n    return x < 3  # or more\n" * 26
        + "```\n\n"
        + "- item **one** of a list\n  - nested point about it\n" * 8
        + "\n| a | b |\n|---|---|\n"
        + "| 1 | value, words |\n" * 15
        + "\n> quote of *it*\n\n"
    )


@pytest.mark.parametrize("is_quick", [True, False])
def test_a_long_answer_takes_at_most_three_times_its_html_to_be_sent(is_quick: bool) -> None:
    """Whether its code has its colours at once, or when they come."""
    text = "".join(section(number) for number in range(40))
    assert len(text) > 90_000
    canvas = canvas_of()
    page = Page(canvas)
    # As many characters as come between two commits at a hundred tokens a second.
    for start in range(0, len(text), 16):
        write(canvas, text[start : start + 16])
        page.catch_up()
        if is_quick:
            in_colours(canvas)
    in_colours(canvas)
    page.catch_up()

    assert page.text.root == tree.read(whole(text))
    assert page.bytes <= 3 * len(whole(text).encode())


def test_what_is_over_is_not_rendered_again(monkeypatch: pytest.MonkeyPatch) -> None:
    rendered: list[int] = []
    blocks = markdown.blocks

    def counting(text: str, writer: Writer, colours: Colours) -> tuple[list[markdown.Block], int]:
        rendered.append(len(text))
        return blocks(text, writer, colours)

    monkeypatch.setattr(markdown, "blocks", counting)
    grown = LiveMarkdown()
    for number in range(200):
        grown.grow(f"Paragraph *{number}* of many.\n\n")

    assert max(rendered) < 100
