"""Arrows point down: who may import whom, as data."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Each layer may import everything that stands after it. A line may hold several parts, which
# may not import one another.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("evoweb",),
    ("chat.urls", "chat.accounts_urls", "chat.routing", "chat.management"),
    ("chat.views", "chat.consumers", "chat.admin"),
    ("chat.forms", "chat.context_processors", "chat.adapters"),
    ("chat.generation",),
    ("chat.templatetags",),
    ("chat.domain", "chat.rendering"),
    ("chat.middleware",),
    ("chat.queries",),
    ("chat.models",),
    ("chat.enums", "chat.completions", "chat.imaging", "chat.hashers", "chat.locale"),
)
# The command that runs the server is the one that knows it.
ALLOWED = {("chat.management.commands.serve", "evoweb")}
LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}
OUTSIDE_OF_COMPLETIONS = ("django", "channels", "chat")


def modules() -> Iterator[tuple[str, Path]]:
    for package in ("evoweb", "chat"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if "migrations" not in parts and parts != (package, "__init__"):
                yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def part_of(module: str) -> str:
    return "evoweb" if module.split(".")[0] == "evoweb" else ".".join(module.split(".")[:2])


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, `from chat import x` spelt out as `chat.x`."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides where it points"
            if node.module == "chat":
                yield from (f"chat.{alias.name}" for alias in node.names)
            elif node.module:
                yield node.module


def test_every_module_has_its_place_and_every_place_its_modules() -> None:
    found = {part_of(module) for module, _path in modules()}

    assert found == set(LEVEL)


@pytest.mark.parametrize(
    ("module", "path"), list(modules()), ids=[module for module, _path in modules()]
)
def test_imports_point_down(module: str, path: Path) -> None:
    part = part_of(module)
    wrong = [
        target
        for target in imported(path)
        if target.split(".")[0] in ("evoweb", "chat")
        and (other := part_of(target)) != part
        and (module, other) not in ALLOWED
        and LEVEL[other] <= LEVEL[part]
    ]

    assert wrong == []


def test_the_upstream_client_knows_nothing_of_the_chat() -> None:
    wrong = [
        (module, target)
        for module, path in modules()
        if module.startswith("chat.completions")
        for target in imported(path)
        if target.split(".")[0] in OUTSIDE_OF_COMPLETIONS
        and not target.startswith("chat.completions")
    ]

    assert wrong == []


def test_only_the_top_level_that_was_agreed_on_is_there() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}

    assert packages == {"evoweb", "chat", "tests"}
