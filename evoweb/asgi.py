"""The one ASGI application: pages over HTTP, live text over WebSockets."""

from __future__ import annotations

import os

import django
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import OriginValidator
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evoweb.settings")
django.setup(set_prefix=False)

from chat.routing import websocket_urlpatterns  # noqa: E402 (models need the line above)
from evoweb.pages import Pages  # noqa: E402

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def _origins() -> list[str]:
    """Where a page that opens a socket may come from: on this machine by any of its names."""
    if settings.ENVIRONMENT.public_host not in LOOPBACK:
        return [settings.PUBLIC_URL]
    return [
        settings.PUBLIC_URL,
        *(f"http://{host}:{settings.ENVIRONMENT.port}" for host in LOOPBACK),
    ]


application = ProtocolTypeRouter(
    {
        "http": Pages(),
        "websocket": OriginValidator(URLRouter(websocket_urlpatterns), _origins()),
    }
)
