"""`manage.py invite`: a link by which somebody joins."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from chat.domain import accounts


class Command(BaseCommand):
    help = (
        "Print a link that lets EMAIL set a password and sign in. It is valid for three days and "
        "works once. The first person ever invited becomes administrator."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument(
            "--language",
            default="",
            choices=[code for code, _name in settings.LANGUAGES],
            help="the language of their pages and mails; without it, their browser's",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            link = accounts.invite(options["email"], language=options["language"])
        except accounts.AccountError as problem:
            raise CommandError(str(problem)) from problem
        self.stdout.write(link)
