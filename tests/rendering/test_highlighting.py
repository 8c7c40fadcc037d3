"""Code in colours: its words stay as they are, and nobody waits for what takes long."""

from __future__ import annotations

import html
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat.rendering import highlighting, markdown
from chat.rendering.highlighting import Answer, Colours, Highlighter, _Question
from chat.rendering.live import LiveMarkdown
from tests import tree
from tests.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
PYTHON = '```python\ndef f(x):  # why\n    return "a < b"\n```'
# Over each of these an expression of its lexer goes on for seconds; that of Java for the longest.
BOMBS = {"yaml": "&" * 30_000, "java": "a " * 15_000, "perl": "<<" * 15_000}


@pytest.fixture
def highlighter(monkeypatch: pytest.MonkeyPatch) -> Iterator[Highlighter]:
    """One of the test's own, with all the time in the world."""
    monkeypatch.setattr(highlighting, "LIMIT", 20.0)
    monkeypatch.setattr(highlighting, "START", 20.0)
    highlighter = Highlighter()
    monkeypatch.setattr(highlighting, "_highlighter", highlighter)
    yield highlighter
    highlighter.close()


def spans(markup: str) -> list[tuple[str, str]]:
    return re.findall(r'<span class="(\w)">([^<]*)</span>', markup)


def answer(highlighter: Highlighter, language: str, code: str) -> str | None:
    return highlighter.ask(language, code, Colours()).result(20)


def test_code_is_coloured_by_what_it_is(highlighter: Highlighter) -> None:
    found = spans(str(markdown.render(PYTHON)))

    assert [(kind, words.strip()) for kind, words in found] == [
        ("k", "def"),
        ("f", "f"),
        ("c", "# why"),
        ("k", "return"),
        ("s", '"a &lt; b"'),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "```\nreturn 1\n```",
        "```klingon\nreturn 1\n```",
        "```mermaid\nreturn 1\n```",
        "    return 1",
        # Its end has not been written.
        "```python\nreturn 1",
        "```python\nreturn 1\n~~~",
        "````python\nreturn 1\n```",
        "> ```python\n> return 1\n\nand on",
        "```python\nreturn 1" + " " * highlighting.LONGEST + "\n```",
    ],
)
def test_other_code_is_plain(highlighter: Highlighter, text: str) -> None:
    assert spans(str(markdown.render(text))) == []


@pytest.mark.parametrize("end", ["```", "`````", "```  ", "   ```"])
@pytest.mark.parametrize("before", ["", "> ", "> > "])
def test_code_is_whole_when_its_end_is_written(
    highlighter: Highlighter, before: str, end: str
) -> None:
    text = "".join(f"{before}{line}\n" for line in ("```python", "return 1", end))

    assert spans(str(markdown.render(text))) == [("k", "return "), ("n", "1\n")]


def test_within_a_list_too(highlighter: Highlighter) -> None:
    text = "1. so:\n\n   ```python\n   return 1\n   ```\n2. and so"

    assert spans(str(markdown.render(text))) == [("k", "return "), ("n", "1\n")]


@given(
    st.sampled_from(["python", "js", "html", "php", "bash", "diff", "sql", "json", "tex", "c++"]),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t<>&'\"{}"))
    | st.lists(st.sampled_from(["<script>", "</span>", "'", '"', "/*", "#", "\n"])).map("".join),
)
@settings(max_examples=150)
def test_whatever_it_is_its_words_stay(language: str, code: str) -> None:
    plain = tree.read(str(markdown.render(f"~~~~\n{code}\n~~~~"))).words
    coloured = tree.read(str(markdown.render(f"~~~~{language}\n{code}\n~~~~"))).words

    assert coloured == plain


def test_an_answer_is_coloured_when_the_end_of_its_code_is_written(
    highlighter: Highlighter,
) -> None:
    grown = LiveMarkdown()
    for character in PYTHON:
        assert grown.waits_for is None
        grown.grow(character)
    assert grown.waits_for
    assert not spans(grown.html)
    grown.waits_for.result(20)

    assert grown.colour()
    grown.grow("\n\nAnd then?")

    assert grown.html == str(markdown.render(PYTHON + "\n\nAnd then?"))
    assert spans(grown.html)


def test_what_is_written_meanwhile_is_shown_and_sent_once_more_with_all_that_was_missing(
    highlighter: Highlighter, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = held_back(highlighter, monkeypatch)
    codes = [f"```python\nreturn {number}\n```\n\nMeanwhile *this*.\n\n" for number in range(3)]
    grown = LiveMarkdown()
    grown.grow(codes[0] + codes[1])
    grown.grow(codes[2] + "Or")
    assert grown.html.count("<em>this</em>") == 3
    assert grown.html.endswith("<p>Or</p>\n")

    highlighter._answer(questions[0])
    assert grown.colour() is None
    grown.grow(" *else*")
    assert not spans(grown.html)
    highlighter._answer(questions[1])
    assert grown.colour()
    assert len(spans(grown.html)) == 4
    highlighter._answer(questions[2])
    assert grown.colour()

    assert grown.waits_for is None
    assert len(questions) == 3
    assert grown.html == str(markdown.render("".join(codes) + "Or *else*"))


def test_a_text_whose_code_takes_too_long_gives_others_their_turn(
    highlighter: Highlighter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(highlighting, "FAILURES", 1)
    one, bomb = Colours(), BOMBS["yaml"]

    answers = [highlighter.ask(*asked, one) for asked in (("yaml", bomb), ("python", "return 1"))]

    assert [answer.result(20) for answer in answers] == [None, None]
    assert highlighter.known("yaml", bomb)
    assert highlighter.known("python", "return 1") is None
    assert answer(highlighter, "python", "return 1")


def test_a_page_waits_a_moment_and_the_next_ones_not_at_all(
    highlighter: Highlighter, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = held_back(highlighter, monkeypatch)
    monkeypatch.setattr(highlighting, "START", 0.01)
    slow, other = PYTHON, "```python\nreturn 1\n```"
    assert spans(str(markdown.render(slow))) == []

    # With all the time in the world, it would not come back before the answer.
    monkeypatch.setattr(highlighting, "START", 30.0)
    assert spans(str(markdown.render(other + "\n\n" + slow))) == []
    assert len(questions) == 1

    highlighter._answer(questions[0])
    assert spans(str(markdown.render(slow)))


@pytest.mark.parametrize(
    ("taken", "is_up", "waits"), [(0.03, True, 0.12), (0.03, False, 1.47), (0.1, False, 0.05)]
)
def test_what_the_rendering_took_is_taken_from_the_waiting(
    monkeypatch: pytest.MonkeyPatch, taken: float, is_up: bool, waits: float
) -> None:
    waited: list[float | None] = []

    class Never(Answer):
        def result(self, timeout: float | None = None) -> str | None:
            waited.append(timeout)
            return super().result(0)

    def take_long(text: str) -> str:
        clock.now += taken
        return written(text)

    clock, written = SimpleNamespace(now=0.0), markdown._written
    monkeypatch.setattr(highlighting, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(markdown, "_written", take_long)
    highlighter = Highlighter()
    highlighter._was_up = is_up
    # A thread would wait by that clock.
    held_back(highlighter, monkeypatch)
    monkeypatch.setattr(highlighter, "ask", lambda *_: Never())
    monkeypatch.setattr(highlighting, "_highlighter", highlighter)

    assert spans(str(markdown.render(PYTHON))) == []
    assert waited == [pytest.approx(waits)]


def held_back(highlighter: Highlighter, monkeypatch: pytest.MonkeyPatch) -> list[_Question]:
    """What is asked and not answered until the test does so."""
    monkeypatch.setattr(highlighter, "prepare", lambda: None)
    questions: list[_Question] = []
    monkeypatch.setattr(highlighter, "_put", questions.append)
    return questions


@pytest.mark.parametrize("language", BOMBS)
def test_code_that_takes_too_long_stays_plain_and_is_not_tried_again(
    highlighter: Highlighter, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setattr(highlighting, "START", 30.0)
    assert highlighter.patience == 30
    assert answer(highlighter, "python", "return 1")
    first = highlighter.process.pid

    text = str(markdown.render(f"```{language}\n{BOMBS[language]}\n```"))

    assert spans(text) == []
    assert BOMBS[language] in html.unescape(text)
    # Else each such code would make a page wait until another process has come up.
    assert highlighter.patience == highlighting.LIMIT
    assert answer(highlighter, "python", "return 2")
    second = highlighter.process.pid
    assert second != first
    assert str(markdown.render(f"```{language}\n{BOMBS[language]}\n```")) == text
    assert answer(highlighter, "python", "return 3")
    assert highlighter.process.pid == second


def test_a_process_that_is_killed_is_replaced(highlighter: Highlighter) -> None:
    assert answer(highlighter, "python", "return 1")
    assert highlighter.process.pid
    os.kill(highlighter.process.pid, signal.SIGKILL)

    assert answer(highlighter, "python", "return 2")


def test_what_was_said_is_kept_within_bounds(
    highlighter: Highlighter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(highlighting, "KEPT", 2000)
    for number in range(50):
        assert answer(highlighter, "python", f"return {number}")
    # The last one is counted after it was answered.
    assert answer(highlighter, "python", "return")

    assert 0 < highlighter._size <= 2000 + highlighting.BESIDE + 100
    assert len(highlighter._kept) <= 6
    highlighter.close()
    assert highlighter.known("python", "return 49")
    assert highlighter.known("python", "return 0") is None


def test_the_process_ends_with_the_one_that_asks_even_if_that_is_killed() -> None:
    assert ends_with_the_one_that_asks(
        "python", "return 1", "h.ask(*sys.argv[1:], Colours()).result(20)"
    )


def test_so_does_one_that_is_at_code_that_takes_for_ever() -> None:
    """It hears nothing then, not even that the line is closed."""
    asking = "h.process.start(); h.ask(*sys.argv[1:], Colours())"
    assert ends_with_the_one_that_asks("java", BOMBS["java"], asking)


def ends_with_the_one_that_asks(language: str, code: str, asking: str) -> bool:
    script = (
        "import sys, time; from chat.rendering.highlighting import Colours, Highlighter;"
        "h = Highlighter();"
        f"{asking}; print(h.process.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", script, language, code]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout
    pid = int(process.stdout.readline())
    process.kill()
    process.wait()
    process.stdout.close()
    return not eventually(lambda: is_alive(pid), is_right=lambda alive: not alive)


def is_alive(pid: int) -> bool:
    """Whoever nobody waits for any more may be a zombie."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def test_the_process_is_light() -> None:
    script = "import sys, chat.rendering.highlighter; print('django' in sys.modules)"

    done = subprocess.check_output([sys.executable, "-c", script], cwd=ROOT, text=True)

    assert done.strip() == "False"
