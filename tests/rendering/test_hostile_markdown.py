"""Whatever a model writes, its message holds words, a few kinds of elements, and links away."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.rendering import allowed, highlighting, markdown, writer
from chat.rendering.markdown import render
from tests.rendering.hostile import ENDLESS, HOSTILE
from tests.rendering.reader import Reading

# Any of these takes up to five times what this does, and twice that beside other tests.
ORDINARY = (
    "Some *words*, **bold `code`** and\n\n- one\n- two\n\n| a | b |\n|--|--|\n| 1 | 2 |\n\n" * 200
)
MOST_TIMES = 12
# Addresses of an allowed kind that lead to this very site: only the renderer knows them.
OUR_OWN = {"without slashes", "with one slash", "mail to nobody"}

# fmt: off
PIECES = st.sampled_from([
    "#", ">", "-", "*", "**", "_", "~~", "`", "```", "[", "]", "(", ")", "!", "|", "|-|-|", ":",
    "\\", "&", ";", "<", "/", '"', "'", "=", "1.", "[x]", "- [ ] ", "[^1]", "[^1]: ", "    ",
    "\n", "\n\n", "\0", "\x1b", "\u202e", "\u2066", "\ud800", "é", "李", "a", "word",
    "https://", "http:/", "mailto:", "javascript:", "data:", "onclick=", "href=",
    "&#x202e;", "&#0;", "&lt;", "<br>", "<!--", "-->", "<?x", "?>", "]]>",
    "<script>", "</script>", "</pre>", "<img/src=x/onerror=y>", "<hx-partial>",
])
# fmt: on
SYNTAX = (
    st.lists(PIECES, max_size=60).map("".join)
    | st.lists(PIECES, max_size=60).map(" ".join)
    | st.lists(PIECES | st.text(max_size=3), max_size=60).map("".join)
)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_stays_in_its_box(name: str) -> None:
    assert Reading(render(HOSTILE[name])).faults == []


@pytest.mark.parametrize("name", sorted(HOSTILE.keys() - OUR_OWN))
def test_hostile_text_is_stopped_by_the_allow_list_alone_as_well(name: str) -> None:
    """What the parser would write by itself, raw HTML included, does not pass the second wall."""
    text = HOSTILE[name].encode(errors="replace").decode()

    html = allowed.clean(markdown._parser.html(text))

    # A title is words of the model's there, where the renderer writes only an address.
    faults = [fault for fault in Reading(html).faults if not fault.startswith("<a title=")]
    faults = [fault for fault in faults if not fault.endswith(("is unseen", "to nowhere"))]
    assert faults == []


def test_the_corpus_is_as_large_as_it_was() -> None:
    assert (len(HOSTILE), len(ENDLESS)) == (215, 59)


@given(SYNTAX)
@settings(max_examples=400)
def test_no_text_makes_anything_but_the_allowed_elements(text: str) -> None:
    reading = Reading(render(text))

    assert reading.faults == []
    assert reading.depth <= writer.MAX_NESTING + 10


@given(st.text())
def test_no_characters_make_anything_but_the_allowed_elements(text: str) -> None:
    assert Reading(render(text)).faults == []


@given(SYNTAX)
def test_the_renderer_writes_nothing_that_the_allow_list_has_to_remove(text: str) -> None:
    """So what that removes is always a fault of the renderer, and none is hidden by it."""
    text = text.encode(errors="replace").decode()
    written = markdown._written(text)

    assert written is not None
    reading = Reading(allowed.clean(written))
    assert (reading.tags, reading.words) == (Reading(written).tags, Reading(written).words)


@given(SYNTAX)
def test_the_same_text_is_rendered_the_same(text: str) -> None:
    assert render(text) == render(text)


@pytest.mark.parametrize("name", ENDLESS)
def test_endless_text_is_rendered_in_no_time(name: str) -> None:
    html, taken = timed(ENDLESS[name])
    _, ordinary = timed(ORDINARY)

    assert taken < MOST_TIMES * ordinary
    assert Reading(html).depth <= writer.MAX_NESTING + 10


def timed(text: str) -> tuple[str, float]:
    """It rendered, and the seconds of the processor that this took."""
    before = time.thread_time()
    html = render(text)
    return html, time.thread_time() - before


def test_what_nests_too_deep_keeps_its_words() -> None:
    text = "".join("  " * depth + f"- {depth}\n" for depth in range(100))

    reading = Reading(render(text))

    assert reading.words.split() == [str(depth) for depth in range(100)]
    assert reading.depth <= writer.MAX_NESTING + 1
    assert reading.faults == []


@pytest.mark.parametrize(
    "text",
    [
        "# <b>\n\n" + "word " * 100_000,
        "# <b>\n\n" + "> " * 50_001 + "a",
    ],
)
def test_a_text_too_long_or_too_intricate_is_shown_as_it_is(text: str) -> None:
    reading = Reading(render(text))

    assert (reading.tags, reading.words.strip(), reading.faults) == (["pre"], text.strip(), [])


def test_raw_html_is_shown_as_text() -> None:
    html = render("one <b>two</b>\n\n<div onclick=x>\nthree\n</div>")

    assert Reading(html).words == "one <b>two</b>\n<div onclick=x>\nthree\n</div>\n"


def test_two_threads_do_not_disturb_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    # Nor does a machine that is busy: code of all gets its colours.
    for patience in ("LIMIT", "START"):
        monkeypatch.setattr(highlighting, patience, 20.0)
    texts = [*HOSTILE.values()] * 3
    alone = [render(text) for text in texts]

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(render, texts)) == alone
