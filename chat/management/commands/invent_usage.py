"""`manage.py invent_usage`: a ledger of a team that nobody is in, for measuring and for looking."""

from __future__ import annotations

import argparse
from datetime import timedelta
from random import Random
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone

from chat.management.invented import team
from chat.management.invented.attempts import Inventor
from chat.management.invented.ledger import BATCH, Ledger
from chat.models import Completion, Conversation, User

TOLD_EVERY = 50_000


class Command(BaseCommand):
    help = (
        "Fill the ledger with invented people, conversations without texts and requests of the "
        "past days, to measure the usage pages or to look at them. Only for a database that is "
        "there for nothing else: it refuses one in which anybody has used anything."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--rows", type=_positive, default=1_000_000)
        parser.add_argument("--people", type=_positive, default=200)
        parser.add_argument("--models", type=int, default=8, choices=range(1, len(team.MODELS) + 1))
        parser.add_argument("--days", type=_positive, default=365)
        parser.add_argument("--seed", type=int, default=1, help="the same one invents the same")

    def handle(
        self, *args: Any, rows: int, people: int, models: int, days: int, seed: int, **options: Any
    ) -> None:
        _refuse_what_is_used()
        rng, end = Random(seed), timezone.now()  # noqa: S311 - nothing is secret here
        start = end - timedelta(days=days)
        chosen = team.MODELS[:models]
        team.enter_prices(chosen, start)
        members = team.gather(rng, count=people, models=chosen, since=start)
        inventor = Inventor(rng, members, chosen)
        attempts = inventor.attempts(rows, start=start, end=end)
        for written in Ledger().write(attempts, inventor.begun):
            if written % TOLD_EVERY < BATCH or written == rows:
                self.stdout.write(f"{written:,} of {rows:,} requests")
                self.stdout.flush()
        _rest()


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("Give a number that is at least one.")
    return number


def _refuse_what_is_used() -> None:
    if Completion.objects.exists() or Conversation.objects.exists() or User.objects.count() > 1:
        raise CommandError(
            "Somebody has used this database, and what is invented could not be told from what is "
            "true. Start evoweb once with an EVOWEB_DATA_DIR or a DATABASE_URL of its own, and "
            "invent there."
        )
    if not User.objects.exists():
        raise CommandError("Start evoweb once, so that there is an administrator who can look.")


def _rest() -> None:
    """PostgreSQL looks at what is there within minutes; for whoever measures at once, now."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE)")
