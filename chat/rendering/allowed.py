"""The wall behind the renderer: what HTML may stand in a message, whatever the model wrote.

The renderer writes nothing else by itself. So whatever this removes was a fault of the renderer,
and does not become a hole.
"""

from html import escape

import nh3

from chat.rendering import highlighting

LINK_SCHEMES = frozenset({"http", "https", "mailto"})
LINK_REL = "noopener noreferrer nofollow"

# fmt: off
TAGS = frozenset({
    "p", "br", "hr", "div", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "li",
    "a", "em", "strong", "del", "sup", "code", "pre", "span", "dl", "dt", "dd",
    "table", "thead", "tbody", "tr", "th", "td",
})
# fmt: on
# Attributes of any value; the renderer makes the values from words that it checked.
ATTRIBUTES = {
    # The library's own list would allow two to all.
    "*": set[str](),
    "a": {"href", "title"},
    "ol": {"start"},
    "div": {"aria-label", "data-language"},
}
# Attributes of these values alone.
_ALIGNED = {"data-align": {"left", "center", "right"}}
VALUES = {
    "a": {"class": {"image"}},
    "div": {
        "class": {"code", "table-scroll"},
        "role": {"group"},
        "tabindex": {"0"},
        "data-diagram": {""},
    },
    "li": {"class": {"task"}},
    "ol": {"class": {"notes"}},
    "pre": {"tabindex": {"0"}},
    "span": {
        "class": {*highlighting.KINDS, "math", "math-block", "host", "cut"},
        "tabindex": {"0"},
        "aria-hidden": {"true"},
    },
    "sup": {"class": {"note"}},
    "td": _ALIGNED,
    "th": {**_ALIGNED, "scope": {"col"}},
}
# Attributes that every such element gets.
ALWAYS = {"a": {"target": "_blank"}}

_cleaner = nh3.Cleaner(
    tags=TAGS,
    clean_content_tags=set(),
    attributes=ATTRIBUTES,
    tag_attribute_values=VALUES,
    set_tag_attribute_values=ALWAYS,
    link_rel=LINK_REL,
    url_schemes=LINK_SCHEMES,
    url_relative="deny",
    generic_attribute_prefixes=set(),
)


def leads(address: str) -> bool:
    """Whether a link keeps this address: browsers can make nothing of some that look like one."""
    return "href=" in _cleaner.clean(f'<a href="{escape(address)}"></a>')


def clean(html: str) -> str:
    """Its time grows with the square of the nesting: whoever calls this has capped that."""
    return _cleaner.clean(html)
