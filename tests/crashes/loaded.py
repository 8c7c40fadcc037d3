"""Imported once by the process that all lives are forked from: everything is loaded, nothing runs.

No thread, no loop and no connection is made here, because none of them survives a fork.
"""

from __future__ import annotations

import gc
import os

import django

# The cases know nothing of each other, and each of their processes is alone on its database.
os.environ.pop("REDIS_URL", None)
# A story says itself that it has some.
os.environ["EVOWEB_TITLES"] = "off"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evoweb.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.template.loader import get_template  # noqa: E402
from django.urls import reverse  # noqa: E402
from django.utils.translation import gettext  # noqa: E402

import tests.crashes.checks  # noqa: E402
import tests.crashes.life  # noqa: E402, F401
from chat.completions.transport import make_transport  # noqa: E402

# What is kept once it was made: certificates, addresses, words and templates.
make_transport()
reverse("new_conversation")
gettext("Stop")
for path in (settings.BASE_DIR / "templates" / "chat").glob("*.html"):
    get_template(f"chat/{path.name}")

# A collector that looks at all this in each child would copy its pages.
gc.freeze()
