"""Modules that are fetched as one do what they do one by one, as node runs them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from evoweb.joining import Modules
from evoweb.staticfiles import MODULES, SHEETS

STATIC = Path(__file__).resolve().parent.parent / "static"
SCRIPTS = {path.stem: path.read_text() for path in (STATIC / "js").glob("*.js")}
SOURCES = {
    "state": "let count = 0;\nexport function next() {\n  return (count += 1);\n}\n",
    "uses": 'import { next as more } from "./state.js";\n\n'
    "export const twice = () => [more(), more()];\n",
    "all": 'import * as state from "./state.js";\nconst count = 5;\n'
    "export async function sum() {\n  return state.next() + count;\n}\n",
    "alone": 'import { next } from "./state.js";\n\nexport const alone = () => next();\n',
    "main": 'const words = async () => (await import("./uses.js")).twice();\n'
    'const sum = async () => (await import("./all.js")).sum();\n'
    'const alone = async () => (await import("./alone.js")).alone();\n'
    "console.log(JSON.stringify([await words(), await sum(), await alone()]));\n",
}


def test_a_joined_module_is_there_once_whoever_imports_it(tmp_path: Path) -> None:
    modules = Modules({"joined-first": ("state", "uses"), "joined-second": ("all",)})

    made = SOURCES | modules.join(SOURCES)
    for joined in ("state", "uses", "all"):
        del made[joined]

    assert said(tmp_path / "one", SOURCES) == "[[1,2],8,4]"
    assert said(tmp_path / "joined", made) == "[[1,2],8,4]"


def test_the_scripts_of_evoweb_are_written_as_they_can_be_joined(tmp_path: Path) -> None:
    made = SCRIPTS | MODULES.join(SCRIPTS)
    joined = {name for names in MODULES.joined.values() for name in names}

    for name in MODULES.joined:
        left = re.findall(r"^(?:import|export)\b.*$", made[name], re.MULTILINE)
        assert len(left) == 1, left
    for name in made.keys() - joined:
        assert not re.search(rf'"\./(?:{"|".join(joined)})\.js"', made[name]), name
        checked(tmp_path / f"{name}.mjs", made[name])


def test_what_is_joined_is_there() -> None:
    parts = [part for parts in SHEETS.values() for part in parts]

    assert [part for part in parts if not (STATIC / part).is_file()] == []


def said(folder: Path, sources: dict[str, str]) -> str:
    folder.mkdir()
    (folder / "package.json").write_text('{"type": "module"}')
    for name, text in sources.items():
        (folder / f"{name}.js").write_text(text)
    return subprocess.check_output(["node", folder / "main.js"], text=True).strip()


def checked(path: Path, text: str) -> None:
    path.write_text(text)
    subprocess.run(["node", "--check", path], check=True)
