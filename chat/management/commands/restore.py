"""`manage.py restore`: what a backup holds, into a database that holds nothing yet."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader

from chat.domain import files
from chat.generation.ownership import AlreadyServed, Ownership
from chat.management import archive, copies
from chat.management.archive import Manifest
from chat.queries import inventory

CONSENT = "replace"


class Command(BaseCommand):
    help = (
        "Put what a backup holds into an empty database, while evoweb does not run. Everybody has "
        "to sign in again; what was being written is interrupted by the next start, which also "
        "brings the tables up to date."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument(
            "--replace",
            action="store_true",
            help="also where there are people or conversations: they are lost",
        )
        parser.add_argument(
            "--no-input", action="store_true", help="with --replace: do not ask before it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
            with (
                Ownership(),
                TemporaryDirectory(dir=settings.DATA_DIR, prefix="restore-") as folder,
            ):
                database, kept = Path(folder) / "database", Path(folder) / "files"
                manifest = archive.read(options["file"], database=database, files=kept)
                _refuse_unfit(manifest)
                self._refuse_full(replace=options["replace"], ask=not options["no_input"])
                with files.store().kept():
                    # Before the rows. Those that no row names go with the next purge.
                    for path in kept.iterdir():
                        files.write(path.read_bytes())
                    copies.copy_in(database)
        except AlreadyServed:
            raise CommandError("evoweb is running on this database. Stop it first.") from None
        except (archive.BadArchive, copies.CopyFailed) as problem:
            raise CommandError(str(problem)) from problem
        except DatabaseError as problem:
            reason = str(problem).strip().splitlines() or ["no reason given"]
            raise CommandError(
                f"The database cannot be used ({reason[0]}). Check DATABASE_URL."
            ) from problem
        except OSError as problem:
            raise CommandError(
                f"The data folder {settings.DATA_DIR} cannot be written ({problem.strerror}). "
                "Choose another with EVOWEB_DATA_DIR."
            ) from problem
        self.stdout.write(
            f"Restored what was there at {manifest.made_at}: {manifest.summary}.\n"
            "Start evoweb with `manage.py serve`. Everybody has to sign in again."
        )

    def _refuse_full(self, *, replace: bool, ask: bool) -> None:
        rows = _rows()
        if not (rows["people"] or rows["conversations"]):
            return
        held = f"This database has {rows['people']:,} people and {rows['conversations']:,} "
        held += "conversations"
        if not replace:
            raise CommandError(
                f"{held}. Restore into an empty one, or say --replace to lose what is here."
            )
        if ask:
            self.stdout.write(f"{held}, which will be lost.")
            if not _consents():
                raise CommandError("Nothing was changed.")


def _consents() -> bool:
    try:
        return input(f"Type {CONSENT} to go on: ").strip() == CONSENT
    except EOFError:
        return False


def _refuse_unfit(manifest: Manifest) -> None:
    if manifest.engine != connection.vendor:
        raise CommandError(
            f"This is a backup of a {manifest.engine} database, and DATABASE_URL names a "
            f"{connection.vendor} one. Restore it into its own kind."
        )
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    if unknown := sorted(set(manifest.migrations) - known):
        raise CommandError(
            f"This is a backup of a newer evoweb ({manifest.evoweb}, with {unknown[0]}). Update "
            "evoweb before you restore it."
        )


def _rows() -> dict[str, int]:
    if "chat_user" not in connection.introspection.table_names():
        return {"people": 0, "conversations": 0}
    return inventory.counts()
