"""A link shows where it leads, in letters that cannot be taken for others, and widens no page."""

from __future__ import annotations

import re

import pytest

from chat.rendering import links
from chat.rendering.markdown import render
from chat.rendering.writer import LINK_COST, MAX_COST
from tests.rendering.reader import Reading

LONG = "https://a.example/" + "b" * 300 + "/the-end-of-it"


def words(text: str) -> str:
    return Reading(render(text)).words.strip()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[the page](https://example.org/a)", "the page (example.org)"),
        ("[*the* `page`](https://example.org:8000)", "the page (example.org:8000)"),
        ("[x][1]\n\n[1]: https://Example.org", "x (example.org)"),
        ("[https://bank.example](https://evil.example)", "https://bank.example (evil.example)"),
        ("[bank.example](https://bank.example.evil.io)", "bank.example (bank.example.evil.io)"),
        ("![a cat](https://a.example/1.png)", "Image: a cat (a.example)"),
        ("[![a cat](https://b.example/1.png)](https://a.example)", "Image: a cat (a.example)"),
        ("[write](mailto:ben@a.example?subject=Hi)", "write (ben@a.example)"),
        ("[ben@a.example](mailto:eve@b.example)", "ben@a.example (eve@b.example)"),
        ("x[^1]\n\n[^1]: [y](https://a.example)", "x1\n\ny (a.example)"),
        ("| a |\n|---|\n| [b](https://c.example) |", "a\nb (c.example)"),
        ("# [a](https://c.example)", "a (c.example)"),
    ],
)
def test_a_link_whose_words_do_not_say_where_it_leads_shows_it(text: str, shown: str) -> None:
    assert words(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/a?b=c#d",
        "<https://example.org>",
        "<ben@a.example>",
        "[https://example.org/a](https://example.org/a)",
        "[example.org/a](https://www.example.org/a/)",
        "[Example.org](https://example.org/a/page)",
        "[ben@a.example](mailto:ben@a.example?subject=Hi)",
        "https://münchen.de/a",
        "https://яндекс.рф/a",
        "https://例え.jp/a",
    ],
)
def test_a_link_whose_words_say_it_is_left_alone(text: str) -> None:
    html = render(text)

    assert 'class="host"' not in html
    assert "<a " in html


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("https://bank.example@evil.example/", "evil.example"),
        ("https://bank.example:443@evil.example:8443/", "evil.example:8443"),
        ("https://evil.example@evil.example@c.example", "c.example"),
        (r"https://evil.example\@bank.example", "evil.example"),
        ("https://evil.example?@bank.example", "evil.example"),
        ("https://evil.example#@bank.example", "evil.example"),
        ("https://%65vil.example", "evil.example"),
        ("https://evil.\texample/", "evil.example"),
        ("https://[::1]:8000/", "[::1]:8000"),
        # Cyrillic among Latin, Cyrillic that looks Latin, Greek that does.
        ("https://\u0430pple.com", "xn--pple-43d.com"),
        ("https://\u0430\u0440\u0440\u04cf\u0435.com", "xn--80ak6aa92e.com"),
        ("https://\u03bf\u03c1\u03b1.com", "xn--mxa1ag.com"),
        ("https://pa\u0131n.com", "xn--pan-kua.com"),
        ("https://g\u0261.com", "xn--g-s1a.com"),
        ("https://bank.example\u3002evil.example", "bank.example.evil.example"),
        ("https://\uff45vil.example", "evil.example"),
        ("https://bank\u30ceevil.example", "xn--bankevil-734g.example"),
        ("https://bank.example\uff0fx.evil.io", "bank.xn--examplex-p129b.evil.io"),
        ("https://\U0001f4a9.la", "xn--ls8h.la"),
        ("https://a\u202eb.example", "xn--ab-g4t.example"),
        ("mailto:ben@\u0430pple.com", "ben@xn--pple-43d.com"),
        ("https://" + "bank.example." * 5 + "evil.io", "…" + ("bank.example." * 3 + "evil.io")),
    ],
)
def test_where_it_leads_cannot_be_taken_for_another_place(address: str, place: str) -> None:
    assert links.place(address) == place
    assert len(place) <= links.LONGEST_HOST
    assert not links.tells("https://bank.example", address, place)


@pytest.mark.parametrize(
    "text",
    [
        "https://bank.example@evil.example/",
        "https://evil.example.bank.example@evil.example",
        "https://\u0430pple.com",
        "[\u0430pple.com](https://\u0430pple.com)",
        "https://%65vil.example",
        "https://" + "bank.example." * 5 + "evil.io",
    ],
)
def test_an_address_that_deceives_is_not_believed(text: str) -> None:
    place = links.place(Reading(render(text)).links[0])

    assert words(text).endswith(f" ({place})")


@pytest.mark.parametrize("text", [LONG, f"[{LONG}]({LONG})", f"<{LONG}>", f"[]({LONG})"])
def test_a_long_address_is_shortened_in_its_middle_and_leads_to_the_whole(text: str) -> None:
    html = render(text)

    left_out = re.search(r'<span class="cut" aria-hidden="true">(b+)</span>', html)
    assert left_out is not None
    assert len(LONG) - len(left_out[1]) == links.LONGEST
    assert (Reading(html).links, words(text)) == ([LONG], LONG)
    assert f'title="{LONG[:300]}"' in html


def test_words_that_turn_around_are_seen_in_a_link() -> None:
    assert words("[\u2067a\u2069 `\u202e`](https://b.example)") == "�a� � (b.example)"
    assert words("[\u200fשלום](https://b.example)") == "�שלום (b.example)"


def test_a_text_of_links_alone_is_shown_as_it_is() -> None:
    some = "https://a.example " * (MAX_COST // LINK_COST - 10)

    assert Reading(render(some)).tags.count("a") == MAX_COST // LINK_COST - 10
    assert Reading(render(some + some)).tags == ["pre"]
    assert Reading(render(some + "*a* " * 200)).tags == ["pre"]
