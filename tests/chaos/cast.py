"""Signs people in on the database that the environment names, without a password to hash:
`python -m tests.chaos.cast 3` prints a session's key for each."""

from __future__ import annotations

import json
import sys

import django


def main() -> None:
    django.setup()
    from django.test import Client  # noqa: PLC0415 (after the setup)

    from chat.models import User  # noqa: PLC0415
    from tests.factories import make_user  # noqa: PLC0415

    keys = []
    for number in range(int(sys.argv[1])):
        user = User.objects.filter(email=f"person-{number}@example.org").first()
        browser = Client()
        browser.force_login(user or make_user(f"person-{number}"))
        keys.append(browser.cookies["sessionid"].value)
    print(json.dumps(keys))


if __name__ == "__main__":
    main()
