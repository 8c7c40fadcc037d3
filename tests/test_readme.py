"""The pages that are read first say what is there: settings, commands, files, layers."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.test_architecture import LAYERS

ROOT = Path(__file__).resolve().parent.parent
READMES = ("README.md", "README.es.md")
PAGES = (*READMES, "CHANGELOG.md", *(f"docs/{path.name}" for path in ROOT.glob("docs/*.md")))

_SETTING = re.compile(r"^\| `([A-Z_]+)` \| (.+?) \|", re.MULTILINE)
_MAKE = re.compile(r"\bmake ([a-z]+)\b")
_TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)
_COMMAND = re.compile(r"\bmanage\.py ([a-z_]+)\b")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"```.*?```|`[^`]+`", re.DOTALL)


def text_of(page: str) -> str:
    return (ROOT / page).read_text()


def code_of(page: str) -> str:
    """What stands as code in a page; only there is `make` a command and not a word."""
    return "\n".join(_CODE.findall(text_of(page)))


def variables() -> dict[str, str]:
    """Every variable that the environment is read for, with its default where that is fixed."""
    found: dict[str, str] = {}
    for node in ast.walk(ast.parse(text_of("evoweb/environment.py"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        reads = isinstance(node.func.value, ast.Name) and node.func.value.id == "reader"
        if reads and node.func.attr in ("text", "value"):
            name, default = node.args[:2]
            assert isinstance(name, ast.Constant)
            fixed = default.value if isinstance(default, ast.Constant) else ""
            found[str(name.value)] = str(fixed)
    return found


@pytest.mark.parametrize("page", READMES)
def test_a_readme_is_short(page: str) -> None:
    assert len(text_of(page).splitlines()) <= 100


@pytest.mark.parametrize("page", READMES)
def test_a_readme_names_every_setting_with_its_default_and_no_other(page: str) -> None:
    settings = dict(_SETTING.findall(text_of(page)))

    assert settings.keys() == variables().keys()
    fixed = {name: default for name, default in variables().items() if default}
    assert [name for name, default in fixed.items() if f"`{default}`" not in settings[name]] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_that_is_named_is_there(page: str) -> None:
    named = set(_MAKE.findall(code_of(page)))

    assert named <= set(_TARGET.findall(text_of("Makefile")))


@pytest.mark.parametrize("page", PAGES)
def test_every_management_command_that_is_named_is_there(page: str) -> None:
    folder = ROOT / "chat" / "management" / "commands"

    named = set(_COMMAND.findall(code_of(page)))

    assert named <= {path.stem for path in folder.glob("*.py")}


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_linked_is_there(page: str) -> None:
    links = [link for link in _LINK.findall(text_of(page)) if "://" not in link]

    missing = [link for link in links if not ((ROOT / page).parent / link.split("#")[0]).exists()]

    assert missing == []


def test_the_architecture_page_has_the_layers_that_are_tested() -> None:
    section = text_of("docs/architecture.md").partition("## Layers")[2].partition("\n## ")[0]
    first_cells = re.findall(r"^\| (`[^|]+) \|", section, re.MULTILINE)

    assert [tuple(re.findall(r"`([a-z_.]+)`", cell)) for cell in first_cells] == list(LAYERS)
