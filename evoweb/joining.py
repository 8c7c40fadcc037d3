"""Several ES modules in one file, as they are written: each in a function of its own.

It knows of JavaScript what `static/js` uses: an import that stands in one line, and `export` before
what is exported. An imported name is what the other module exported when it was run, not what it
becomes; and a joined module imports no other that is not joined, but later, where it needs it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

IMPORT = re.compile(
    r'^import (?:\* as (?P<all>\w+)|(?P<some>\{[^}]*\})) from "\./(?P<name>[\w-]+)\.js";',
    re.MULTILINE,
)
OUTSIDE = re.compile(r'^import .*? from ".*?"; ?', re.MULTILINE)
LAZILY = re.compile(r'\bimport\("\./(?P<name>[\w-]+)\.js"\)')
EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const) (\w+))", re.MULTILINE)


class Modules:
    def __init__(self, joined: Mapping[str, tuple[str, ...]]) -> None:
        self.joined = joined
        self._home = {name: home for home, names in joined.items() for name in names}

    def join(self, sources: Mapping[str, str]) -> dict[str, str]:
        """The joined files, and those which import something that is now in one: as such it is
        there once, whoever imports it."""
        made = {name: self._led(text, None) for name, text in sources.items()}
        made = {name: text for name, text in made.items() if text != sources[name]}
        for home, names in self.joined.items():
            parts = [self._function(name, sources[name], home) for name in names]
            text = "\n".join(parts)
            # No function holds an import.
            outside = sorted(set(OUTSIDE.findall(text)))
            known = ", ".join(map(_variable, names))
            made[home] = "\n".join([*outside, OUTSIDE.sub("", text), f"export {{ {known} }};\n"])
        return made

    def _function(self, name: str, text: str, home: str) -> str:
        exported = ", ".join(EXPORT.findall(text))
        body = EXPORT.sub("", self._led(text, home))
        begin = f"// {name}.js\nconst {_variable(name)} = (() => {{\n"
        return f"{begin}{body}return {{ {exported} }};\n}})();\n"

    def _led(self, text: str, home: str | None) -> str:
        """`text` with its imports as they have to be in the file `home`, or in one by itself."""

        def import_(found: re.Match[str]) -> str:
            there = self._home.get(found["name"])
            if there is None:
                return found[0]
            variable = _variable(found["name"])
            wanted = found["all"] or found["some"].replace(" as ", ": ")
            taken = f"const {wanted} = {variable};"
            return (
                taken if there == home else f'import {{ {variable} }} from "./{there}.js"; {taken}'
            )

        def lazily(found: re.Match[str]) -> str:
            there = self._home.get(found["name"])
            if there is None:
                return found[0]
            variable = _variable(found["name"])
            if there == home:
                return f"Promise.resolve({variable})"
            return f'import("./{there}.js").then((all) => all.{variable})'

        return LAZILY.sub(lazily, IMPORT.sub(import_, text))


def _variable(name: str) -> str:
    """No module gives a name to its own things that begins like this."""
    return "$" + name.replace("-", "_")
