"""Markdown as models write it, and the HTML that a reader gets."""

import pytest
from django.utils import translation
from django.utils.safestring import SafeString

from chat.rendering.markdown import render
from tests.rendering.reader import Reading

LINK = 'target="_blank" rel="noopener noreferrer nofollow"'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("", ""),
        ("Hello\nthere", "<p>Hello\nthere</p>\n"),
        ("One  \ntwo", "<p>One<br>\ntwo</p>\n"),
        ("*a* **b** ~~c~~", "<p><em>a</em> <strong>b</strong> <del>c</del></p>\n"),
        ("2 < 3 & 4 > 1", "<p>2 &lt; 3 &amp; 4 &gt; 1</p>\n"),
        ("`a < b`", "<p><code>a &lt; b</code></p>\n"),
        ("> Wise\n> words", "<blockquote>\n<p>Wise\nwords</p>\n</blockquote>\n"),
        ("a\n\n---\n\nb", "<p>a</p>\n<hr>\n<p>b</p>\n"),
        ("Costs \\*$5\\* &amp; more", "<p>Costs *$5* &amp; more</p>\n"),
        ("`H<sub>2</sub>O`", "<p><code>H&lt;sub&gt;2&lt;/sub&gt;O</code></p>\n"),
        ("snake_case_name", "<p>snake_case_name</p>\n"),
    ],
)
def test_words(text: str, html: str) -> None:
    assert render(text) == html


@pytest.mark.parametrize(
    ("text", "tag"),
    [("# a", "h3"), ("## a", "h4"), ("### a", "h5"), ("#### a", "h6"), ("###### a", "h6")],
)
def test_headings_begin_below_those_of_the_page(text: str, tag: str) -> None:
    assert render(text) == f"<{tag}>a</{tag}>\n"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n"),
        ("1. a\n2. b", "<ol>\n<li>a</li>\n<li>b</li>\n</ol>\n"),
        ("3. a\n4. b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>\n'),
        (
            "- a\n  1. b\n     - c\n",
            "<ul>\n<li>a<ol>\n<li>b<ul>\n<li>c</li>\n</ul>\n</li>\n</ol>\n</li>\n</ul>\n",
        ),
        ("- a\n\n- b", "<ul>\n<li><p>a</p>\n</li>\n<li><p>b</p>\n</li>\n</ul>\n"),
        (
            "- [x] done\n- [ ] open",
            '<ul>\n<li class="task">☑ done</li>\n<li class="task">☐ open</li>\n</ul>\n',
        ),
        (
            "- [ ] open\n\n- plain",
            '<ul>\n<li class="task"><p>☐ open</p>\n</li>\n<li><p>plain</p>\n</li>\n</ul>\n',
        ),
    ],
)
def test_lists(text: str, html: str) -> None:
    assert render(text) == html


def test_a_table_scrolls_by_itself_and_keeps_its_alignment() -> None:
    text = "| Town | People |\n|:-----|-------:|\n| Ávila | 57,657 |\n| Soria<br>(old) | `38` |"

    assert render(text) == (
        '<div class="table-scroll" tabindex="0" role="group" aria-label="Table"><table>'
        '<thead><tr><th scope="col" data-align="left">Town</th>'
        '<th scope="col" data-align="right">People</th></tr></thead><tbody>\n'
        '<tr><td data-align="left">Ávila</td><td data-align="right">57,657</td></tr>\n'
        '<tr><td data-align="left">Soria<br>(old)</td>'
        '<td data-align="right"><code>38</code></td></tr>\n'
        "</tbody></table></div>\n"
    )


@pytest.mark.parametrize(
    ("fence", "attribute"),
    [
        ("```", ""),
        ("```python", ' data-language="python"'),
        ("~~~ C++", ' data-language="c++"'),
        ("```rust,ignore", ' data-language="rust"'),
        ("```js {1,3}", ' data-language="js"'),
        ('```"><script>', ""),
        ("```" + "x" * 33, ""),
    ],
)
def test_code_names_its_language(fence: str, attribute: str) -> None:
    # Without its end, so that its words are not coloured.
    html = render(f'{fence}\nif a < b:\n    "c"\n\n# d\n')

    assert html == (
        f'<div class="code"{attribute}><pre tabindex="0"><code>'
        'if a &lt; b:\n    "c"\n\n# d\n</code></pre></div>\n'
    )


def test_terms_have_their_definitions() -> None:
    assert render("Hold\n: what is *reserved*\n: until it ends\n\nClaim\n\n: a right\n") == (
        "<dl>\n<dt>Hold</dt>\n"
        "<dd><p>what is <em>reserved</em></p>\n</dd>\n<dd><p>until it ends</p>\n</dd>\n"
        "<dt>Claim</dt>\n<dd><p>a right</p>\n</dd>\n</dl>\n"
    )


def test_indented_code_is_code() -> None:
    assert render("    a\n      b\n") == (
        '<div class="code"><pre tabindex="0"><code>a\n  b\n</code></pre></div>\n'
    )


@pytest.mark.parametrize(
    ("text", "address", "words"),
    [
        ("[a *b*](https://a.example/?q=1&r=2)", "https://a.example/?q=1&r=2", "a b (a.example)"),
        ("[a](http://a.example 'title')", "http://a.example", "a (a.example)"),
        ("[a][1]\n\n[1]: https://a.example", "https://a.example", "a (a.example)"),
        ("<https://a.example/b>", "https://a.example/b", "https://a.example/b"),
        ("<ben@a.example>", "mailto:ben@a.example", "ben@a.example"),
        ("[write](mailto:ben@a.example)", "mailto:ben@a.example", "write (ben@a.example)"),
        ("[](https://a.example)", "https://a.example", "https://a.example"),
        ("https://a.example/b_c_d", "https://a.example/b_c_d", "https://a.example/b_c_d"),
    ],
)
def test_links_lead_away(text: str, address: str, words: str) -> None:
    html = render(text)

    reading = Reading(html)
    assert (reading.links, reading.words.strip()) == ([address], words)
    assert LINK in html


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("See https://a.example.", "https://a.example"),
        ("(https://a.example/b)", "https://a.example/b"),
        ("https://a.example/b_(c)", "https://a.example/b_(c)"),
        ("(see https://a.example/b_(c)).", "https://a.example/b_(c)"),
        ("**https://a.example/**", "https://a.example/"),
        ("“https://a.example”", "https://a.example"),
        ("见 https://a.example/李。然后", "https://a.example/李"),
    ],
)
def test_a_bare_address_is_a_link_without_the_sentence_around_it(text: str, address: str) -> None:
    reading = Reading(render(text))

    assert reading.links == [address]
    assert reading.words.strip() == text.replace("**", "")


@pytest.mark.parametrize(
    "text", ["https://", "xhttps://a.example", "`https://a.example`", "    https://a.example"]
)
def test_what_is_no_bare_address_stays_text(text: str) -> None:
    assert Reading(render(text)).links == []


@pytest.mark.parametrize("address", ["/usage/", "#top", "javascript:alert(1)", "//a.example", ""])
def test_a_link_that_may_not_be_followed_is_its_words(address: str) -> None:
    assert render(f"[the page]({address})") == "<p>the page</p>\n"


@pytest.mark.parametrize(
    ("text", "address", "words"),
    [
        (
            "![a cat](https://a.example/1.png)",
            "https://a.example/1.png",
            "Image: a cat (a.example)",
        ),
        (
            "![a *big* `cat`](https://a.example/1.png)",
            "https://a.example/1.png",
            "Image: a big cat (a.example)",
        ),
        (
            "![](https://a.example/1.png)",
            "https://a.example/1.png",
            "Image: https://a.example/1.png",
        ),
        (
            "[![a cat](https://a.example/1.png)](https://b.example)",
            "https://b.example",
            "Image: a cat (b.example)",
        ),
        ("![a cat](data:image/png;base64,AAAA)", None, "Image: a cat"),
        ("![a cat](/cat.png)", None, "Image: a cat"),
        ("![](data:image/png;base64,AAAA)", None, ""),
    ],
)
def test_an_image_is_a_link_that_says_so_and_is_not_loaded(
    text: str, address: str | None, words: str
) -> None:
    reading = Reading(render(text))

    assert (reading.links, reading.words.strip()) == ([address] if address else [], words)
    assert "img" not in reading.tags


def test_the_words_that_are_ours_are_in_the_readers_language() -> None:
    with translation.override("es"):
        words = Reading(render("![gato](/gato.png)")).words.strip()
        assert words == translation.gettext("Image: %(label)s") % {"label": "gato"}


def test_footnotes_are_numbered_as_the_text_comes_to_them_and_stand_at_the_end() -> None:
    text = "One[^b] two[^a] three[^b].\n\n[^a]: First *written*.\n[^b]: Second.\n\nEnd."

    assert render(text) == (
        '<p>One<sup class="note">1</sup> two<sup class="note">2</sup>'
        ' three<sup class="note">1</sup>.</p>\n<p>End.</p>\n'
        '<ol class="notes">\n<li><p>Second.</p>\n</li>\n'
        "<li><p>First <em>written</em>.</p>\n</li>\n</ol>\n"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\0b\x1b[31mc", "a�b�[31mc"),
        ("a\ud800b", "a�b"),
        ("\u202etxt.exe", "�txt.exe"),
        ("&#x202e;txt.exe", "�txt.exe"),
        ("`if \u2066a\u2069`", "if �a�"),
        ("שלום \u2067a\u2069 👩‍👩‍👧", "שלום \u2067a\u2069 👩‍👩‍👧"),
        ("a\tb\u2028c", "a\tb\u2028c"),
    ],
)
def test_characters_that_deceive_are_seen_and_all_others_kept(text: str, words: str) -> None:
    assert Reading(render(text)).words.strip() == words


def test_what_is_rendered_is_safe_for_templates() -> None:
    assert isinstance(render("a"), SafeString)
    assert isinstance(render("a" * 500_001), SafeString)
