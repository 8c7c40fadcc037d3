"""`manage.py usage`: whether the totals are what the ledger adds up to, to make them so, the ledger
as a file, and to give past requests the cost that they have by today's prices."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from chat.domain import revaluing, totals
from chat.domain.totals import Difference
from chat.generation.ownership import one_at_a_time
from chat.models import User
from chat.queries.ledger import Selection
from chat.rendering.exports import FORMATS, pieces

# Nobody reads more lines of the same kind.
MOST_SHOWN = 50
TOLD_EVERY = 5.0


class Command(BaseCommand):
    help = (
        "Compare the totals that the usage pages show with the ledger. `verify` prints where they "
        "differ and ends with status 1 if they do; `rebuild` adds what is missing. evoweb may run "
        "meanwhile. Rebuild after a change of TIME_ZONE: the totals are of its days. `export FILE` "
        "writes what has ended, `-` is the terminal: as CSV, JSON lines or FOCUS. `revalue MODEL` "
        "gives past requests without a cost what they cost by the prices that stand now, as "
        "corrections; with `--all` also those that cost something else."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("deed", choices=("verify", "rebuild", "export", "revalue"))
        parser.add_argument("of", metavar="FILE or MODEL", nargs="?")
        parser.add_argument("--format", choices=FORMATS, default="csv")
        parser.add_argument("--start", type=date.fromisoformat, help="the first day of an export")
        parser.add_argument("--end", type=date.fromisoformat, help="its last day")
        parser.add_argument("--all", action="store_true", help="revalue what has a cost too")
        parser.add_argument("--reason", default="By the command line")

    def handle(self, *args: Any, deed: str, **options: Any) -> None:
        if deed == "verify":
            self._verify()
        elif deed == "export":
            self._export(options["of"], **options)
        elif deed == "rebuild":
            with one_at_a_time():
                mended = totals.mend()
            self.stdout.write(f"{mended:,} totals were wrong and are mended.")
        else:
            self._revalue(options["of"] or "", options["reason"], options["all"])

    def _revalue(self, model: str, reason: str, includes_priced: bool) -> None:
        try:
            revaluation = revaluing.begin(
                model=model, by=None, reason=reason, includes_priced=includes_priced
            )
        except revaluing.WithoutPrice:
            raise CommandError("Name a model that has a price, or set one first.") from None
        while not revaluing.proceed(revaluation, seconds=TOLD_EVERY):
            self.stdout.write(f"{revaluation.rows:,} requests are revalued so far.")
        self.stdout.write(f"{revaluation.rows:,} requests are revalued.")

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
