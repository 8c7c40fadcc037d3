"""`manage.py prove`: what has to be true of the database, looked at now."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from chat.queries import inventory
from chat.queries.invariants import Finding, findings
from chat.queries.snapshot import snapshot


class Command(BaseCommand):
    help = (
        "Check on the database what has to be true of it, whatever was killed: prints one line for "
        "each promise with the number of rows that break it, and ends with status 1 if there is "
        "one. Changes nothing and holds nobody up, so evoweb may run meanwhile."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with snapshot():
                counts, found = inventory.counts(), findings()
        except DatabaseError as problem:
            reason = str(problem).strip().splitlines() or ["no reason given"]
            raise CommandError(
                f"The database cannot be read ({reason[0]}). Check DATABASE_URL; if evoweb is new "
                "here or was updated, start `manage.py serve` once."
            ) from problem
        self.stdout.write(", ".join(f"{name}: {count:,}" for name, count in counts.items()))
        for finding in found:
            self.stdout.write(_line(finding))
        if not_held := sum(not finding.holds for finding in found):
            raise CommandError(f"{not_held} of {len(found)} do not hold.")
        self.stdout.write(f"All {len(found)} hold.")


def _line(finding: Finding) -> str:
    invariant = finding.invariant
    line = f"{'holds' if finding.holds else 'DOES NOT HOLD':13} {finding.count:7,}"
    line += f"  {invariant.sentence}"
    if finding.examples:
        more = ", …" if finding.count > len(finding.examples) else ""
        line += f" ({invariant.kind} {', '.join(finding.examples)}{more})"
    return line
