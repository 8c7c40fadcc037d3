"""Static files under hashed names, compressed once, so that browsers may keep them for ever."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.files.base import ContentFile
from servestatic.storage import CompressedManifestStaticFilesStorage

from evoweb.joining import Modules

# What is always needed together is written in files of its own and fetched as one. Templates name
# the joined file; a script names the module that it wants, and is led to where that now is.
SHEETS = {
    "css/joined-page.css": ("css/base.css", "css/controls.css", "css/page.css"),
    "css/joined-thread.css": ("css/chat.css", "css/answer.css"),
    "js/joined-live.js": (
        "vendor/htmx/hx-ws.min.js",
        "vendor/htmx/hx-upsert.min.js",
        "js/live-text.js",
    ),
}
# Each after those that it imports.
MODULES = Modules(
    {
        "joined-page": ("shortcuts", "main"),
        "joined-thread": (
            *("sending", "draft", "estimate", "composer", "send-again"),
            *("connection", "polling", "socket", "follow-end", "more"),
            *("code-tools", "answer", "waiting"),
        ),
    }
)


class StaticFilesStorage(CompressedManifestStaticFilesStorage):
    # Modules import one another by relative path; those paths get hashed names too.
    support_js_module_import_aggregation = True

    def post_process(
        self, paths: dict[str, Any], dry_run: bool = False, **options: Any
    ) -> Iterator[Any]:
        def text(name: str) -> str:
            storage, path = paths[name]
            with storage.open(path) as file:
                return str(file.read().decode())

        if not dry_run:
            scripts = {Path(name).stem: text(name) for name in paths if name.startswith("js/")}
            made = {f"js/{name}.js": words for name, words in MODULES.join(scripts).items()}
            made |= {name: "\n".join(map(text, parts)) for name, parts in SHEETS.items()}
            for name, words in made.items():
                self.delete(name)
                self.save(name, ContentFile(words.encode()))
                paths[name] = (self, name)
        yield from super().post_process(paths, dry_run, **options)
