"""The one ASGI application: pages over HTTP, live text over WebSockets."""

from __future__ import annotations

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import OriginValidator
from django.conf import settings
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evoweb.settings")
pages = get_asgi_application()

from chat.routing import websocket_urlpatterns  # noqa: E402 (models need the line above)

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
        "http": pages,
        "websocket": OriginValidator(URLRouter(websocket_urlpatterns), _origins()),
    }
)
