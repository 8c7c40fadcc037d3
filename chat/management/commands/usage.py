"""`manage.py usage`: whether the totals are what the ledger adds up to, and to make them so."""

from __future__ import annotations

import argparse
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from chat.domain import totals
from chat.domain.totals import Difference
from chat.generation.ownership import one_at_a_time
from chat.models import User

# Nobody reads more lines of the same kind.
MOST_SHOWN = 50


class Command(BaseCommand):
    help = (
        "Compare the totals that the usage pages show with the ledger. `verify` prints where they "
        "differ and ends with status 1 if they do; `rebuild` adds what is missing. evoweb may run "
        "meanwhile. Rebuild after a change of TIME_ZONE: the totals are of its days."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("deed", choices=("verify", "rebuild"))

    def handle(self, *args: Any, deed: str, **options: Any) -> None:
        if deed == "verify":
            self._verify()
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


def _line(difference: Difference, email: str) -> str:
    key = difference.key
    start = timezone.localtime(key.start, timezone.get_default_timezone())
    missing = ", ".join(f"{name} {amount:+}" for name, amount in difference.missing.items())
    return f"{key.grain} {start:%Y-%m-%d %H:%M} {email} {key.model} ({key.source}): {missing}"
