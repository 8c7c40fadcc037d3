"""`manage.py usage`: whether the totals are what the ledger adds up to, to make them so, and the
ledger as a file."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from chat.domain import totals
from chat.domain.totals import Difference
from chat.generation.ownership import one_at_a_time
from chat.models import User
from chat.queries.ledger import Selection
from chat.rendering.exports import FORMATS, pieces

# Nobody reads more lines of the same kind.
MOST_SHOWN = 50


class Command(BaseCommand):
    help = (
        "Compare the totals that the usage pages show with the ledger. `verify` prints where they "
        "differ and ends with status 1 if they do; `rebuild` adds what is missing. evoweb may run "
        "meanwhile. Rebuild after a change of TIME_ZONE: the totals are of its days. `export` "
        "writes what has ended into FILE, or to the terminal for `-`: as CSV, JSON lines or FOCUS."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("deed", choices=("verify", "rebuild", "export"))
        parser.add_argument("file", metavar="FILE", nargs="?", help="of an export")
        parser.add_argument("--format", choices=FORMATS, default="csv")
        parser.add_argument("--start", type=date.fromisoformat, help="its first day")
        parser.add_argument("--end", type=date.fromisoformat, help="its last day")

    def handle(self, *args: Any, deed: str, **options: Any) -> None:
        if deed == "verify":
            self._verify()
        elif deed == "export":
            self._export(**options)
        else:
            with one_at_a_time():
                mended = totals.mend()
            self.stdout.write(f"{mended:,} totals were wrong and are mended.")

    def _verify(self) -> None:
        found = totals.differences()
        shown = list(islice(found, MOST_SHOWN))
        emails = dict(
            User.objects.filter(pk__in={each.key.user for each in shown}).values_list("pk", "email")
        )
        for each in shown:
            self.stdout.write(_line(each, emails[each.key.user]))
        if count := len(shown) + sum(1 for _ in found):
            raise CommandError(
                f"{count:,} totals differ from the ledger. `manage.py usage rebuild` mends them."
            )
        self.stdout.write("The totals and the ledger agree.")

    def _export(
        self, file: str | None, format: str, start: date | None, end: date | None, **_: Any
    ) -> None:
        if file is None:
            raise CommandError("Name the file to be written, or - for the terminal.")
        found = pieces(FORMATS[format], Selection(timezone.now(), start=start, end=end))
        if file == "-":
            for piece in found:
                self.stdout.write(piece.decode(), ending="")
            return
        try:
            _write(Path(file), found)
        except FileExistsError:
            raise CommandError(f"{file} is there already. Name another file.") from None
        except OSError as problem:
            raise CommandError(f"{file} cannot be written ({problem.strerror}).") from problem


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    """Who may read it is for the operator to say: it names people."""
    path.touch(mode=0o600, exist_ok=False)
    try:
        with path.open("wb") as whole:
            whole.writelines(pieces)
    except BaseException:
        # Half a file looks like a whole one.
        path.unlink()
        raise


def _line(difference: Difference, email: str) -> str:
    key = difference.key
    start = timezone.localtime(key.start, timezone.get_default_timezone())
    missing = ", ".join(f"{name} {amount:+}" for name, amount in difference.missing.items())
    return f"{key.grain} {start:%Y-%m-%d %H:%M} {email} {key.model} ({key.source}): {missing}"
