"""`manage.py backup`: a copy of everything, in one file, while evoweb runs."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from chat.domain.files import path_of, store, sync_folder
from chat.management import archive, copies
from chat.management.archive import Manifest
from chat.queries import inventory
from chat.queries.snapshot import snapshot


class Command(BaseCommand):
    help = (
        "Write everything that evoweb keeps into FILE, as it is at one moment; evoweb may run "
        "meanwhile. Whoever can read the file can read every conversation: it gets the rights "
        "0600, and holds neither the key of the model's service nor the one that signs sessions."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--force", action="store_true", help="put it in FILE's place")

    def handle(self, *args: Any, **options: Any) -> None:
        file: Path = options["file"].absolute()
        if file.is_dir() or (file.exists() and not options["force"]):
            raise CommandError(f"{file} is there already. Name another file, or say --force.")
        try:
            # Beside it, because only within a file system a file is renamed in one go.
            with TemporaryDirectory(dir=file.parent, prefix=f".{file.name}-") as folder:
                database, whole = Path(folder) / "database", Path(folder) / "backup"
                # Nothing that the copy names is removed until it is in the backup.
                with store().kept():
                    manifest, names = _copy(database)
                    kept = [path for path in map(path_of, names) if path.is_file()]
                    manifest = replace(manifest, files=len(kept))
                    archive.write(whole, manifest, database, kept)
                whole.replace(file)
        except OSError as problem:
            raise CommandError(f"{file} cannot be written ({problem.strerror}).") from problem
        sync_folder(file.parent)
        self.stdout.write(f"{file} has {manifest.summary}.")
        if missing := len(names) - len(kept):
            self.stderr.write(f"{missing} files of pictures are not in EVOWEB_FILES_DIR.")


def _copy(database: Path) -> tuple[Manifest, list[str]]:
    """With the names of the files that belong to it."""
    os.close(os.open(database, os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with snapshot():
            rows, names = inventory.counts(), inventory.files()
            migrations = MigrationRecorder(connection).applied_migrations()
            copies.copy_out(database)
    except DatabaseError as problem:
        reason = str(problem).strip().splitlines() or ["no reason given"]
        raise CommandError(
            f"There is no database of evoweb's to be read ({reason[0]}). Check DATABASE_URL."
        ) from problem
    except copies.CopyFailed as problem:
        raise CommandError(str(problem)) from problem
    size, sha256 = archive.digest(database)
    manifest = Manifest(
        evoweb=settings.VERSION,
        engine=connection.vendor,
        made_at=timezone.now().isoformat(timespec="seconds"),
        migrations=tuple(sorted(f"{app}.{name}" for app, name in migrations)),
        rows=rows,
        size=size,
        sha256=sha256,
    )
    return manifest, names
