"""Formulas are told apart from money, code and brackets, and left as they were written."""

from __future__ import annotations

import re

import pytest

from chat.rendering.markdown import render


def formulas(text: str) -> list[tuple[str, str]]:
    return re.findall(r'<span class="(math(?:-block)?)"[^>]*>([^<]*)</span>', str(render(text)))


@pytest.mark.parametrize(
    ("text", "kind", "formula"),
    [
        ("So $x^2$.", "math", "x^2"),
        ("So $$x^2$$.", "math-block", "x^2"),
        (r"So \(x^2\).", "math", "x^2"),
        (r"So \[x^2\].", "math-block", "x^2"),
        ("$$\nx\n= y_1\n$$", "math-block", "x\n= y_1"),
        ("\\[\n  x \\\\[2pt] y\n\\]", "math-block", "x \\\\[2pt] y"),
        (r"**\( a < b \)**", "math", "a &lt; b"),
        (r"- \(a\)", "math", "a"),
        ("> \\[\n> a\n> \\]", "math-block", "a"),
        ("| a |\n|---|\n| \\(b\\) |", "math", "b"),
        (r"# \(a\)", "math", "a"),
        (r"\(\hat{x}_{i} + \hat{y}_{j}\)", "math", r"\hat{x}_{i} + \hat{y}_{j}"),
        (r"\(a*b\) or *so*", "math", "a*b"),
        (r"\(\text{ü} \to 漢\)", "math", r"\text{ü} \to 漢"),
    ],
)
def test_all_four_ways_to_write_one(text: str, kind: str, formula: str) -> None:
    assert formulas(text) == [(kind, formula)]


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 and $10.",
        "From $5-$10, or $3,$4.",
        "Only $5",
        r"\$x\$",
        "`$x$` and ``\\(x\\)``",
        "```\n$x$ \\(x\\)\n```",
        r"an open \( bracket",
        r"a \) closed \( one",
        r"\(a\]",
        "\\(a\n\nb\\)",
        "# \\(a\nb\\)",
        r"\\(a\\)",
        r"\(\)",
        r"[a](https://b.example/\(c\))",
    ],
)
def test_nothing_else_is_one(text: str) -> None:
    assert formulas(text) == []


def test_what_is_none_reads_as_it_would_without_formulas() -> None:
    assert render(r"an open \( bracket, a \[ b, from $5-$10") == (
        "<p>an open ( bracket, a [ b, from $5-$10</p>\n"
    )
    assert 'href="https://b.example/(c)"' in render(r"[a](https://b.example/\(c\))")
    assert render("x \\(a\n\nb\\)") == "<p>x (a</p>\n<p>b)</p>\n"
    assert render("\\(a `b` c\\)") == "<p>(a <code>b</code> c)</p>\n"
    assert "$$" not in render("\\(a $b$ c\\)")


def test_several_stand_in_one_line() -> None:
    assert formulas(r"\(x_i\) and \(x_j\), $a$, \[b\] and $c$") == [
        ("math", "x_i"),
        ("math", "x_j"),
        ("math", "a"),
        ("math-block", "b"),
        ("math", "c"),
    ]


def test_a_diagram_is_marked_once_it_is_whole() -> None:
    assert "data-diagram" not in render("```mermaid\ngraph TD")
    assert '<div class="code" data-language="mermaid" data-diagram=""><pre' in render(
        "```mermaid\ngraph TD\n```"
    )
