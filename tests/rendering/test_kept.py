"""HTML that is kept: made once, never out of date, never more than there is room for."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils.safestring import SafeString
from django.utils.translation import override

from chat.rendering import highlighting, kept, markdown
from chat.templatetags.chat import markdown as as_pages_do


@pytest.fixture(autouse=True)
def _another_shelf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_shelf", kept.Shelf(1000))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was rendered, as it comes."""
    made: list[str] = []

    real = markdown.render

    def render(text: str) -> SafeString:
        made.append(text)
        return real(text)

    monkeypatch.setattr(markdown, "render", render)
    return made


def test_what_was_rendered_is_not_rendered_again(made: list[str]) -> None:
    first = as_pages_do("Some *words*")

    assert as_pages_do("Some *words*") == first == "<p>Some <em>words</em></p>\n"
    assert made == ["Some *words*"]


def test_another_text_another_language_and_another_renderer_get_their_own(
    made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    as_pages_do("- [x] done")
    as_pages_do("- [ ] done")
    with override("es"):
        as_pages_do("- [x] done")
    monkeypatch.setattr(kept, "renderer", lambda: "another")
    as_pages_do("- [x] done")

    assert len(made) == 4


@pytest.mark.parametrize("name", ["writer.py", "allowed.py", "markdown.py", "highlighter.py"])
def test_the_renderer_is_another_once_any_of_its_code_is(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = kept.renderer.__wrapped__()
    read = Path.read_bytes

    def changed(path: Path) -> bytes:
        return read(path) + (b"#" if path.name == name else b"")

    monkeypatch.setattr(Path, "read_bytes", changed)

    assert kept.renderer.__wrapped__() != before


def test_there_is_room_for_so_much_and_what_nobody_asks_for_goes(made: list[str]) -> None:
    for text in ("a" * 400, "b" * 400, "a" * 400, "c" * 400):
        as_pages_do(text)
    as_pages_do("a" * 400)
    as_pages_do("b" * 400)

    assert [text[0] for text in made] == ["a", "b", "c", "b"]


def test_code_that_was_left_plain_for_now_is_rendered_again(
    made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[str | None] = [None, '<span class="k">if</span> a', "never"]
    monkeypatch.setattr(highlighting.Colours, "_inner", lambda *_: answers.pop(0))
    code = "```python\nif a\n```\n"

    shown = [as_pages_do(code) for _ in range(3)]

    assert ["<span" in html for html in shown] == [False, True, True]
    assert len(made) == 2


def test_code_that_is_plain_for_good_is_kept(made: list[str]) -> None:
    for _ in range(2):
        as_pages_do("```text\nwords\n```\n\n    and more\n")

    assert len(made) == 1
