"""evoweb as an app of a phone or a desktop: what it is called, and the page that shows without a
line. All of it is the same for everybody, so it is there for whoever has not signed in."""

from __future__ import annotations

from hashlib import sha256

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language, gettext
from django.views.decorators.http import require_GET

# What the page without a line is made of, beside itself.
OFFLINE_FILES = (
    "css/joined-page.css",
    "css/offline.css",
    "js/offline.js",
    "js/joined-thread.js",
    "favicon.svg",
    "vendor/inter/inter-latin.woff2",
)
# The paper of the light theme, in sRGB.
PAPER = "#fcfbf8"


@require_GET
def manifest(request: HttpRequest) -> HttpResponse:
    """The W3C's web app manifest."""
    icons = [
        {"src": static("favicon.svg"), "sizes": "any", "type": "image/svg+xml"},
        *(_icon(size, "any") for size in (192, 512)),
        *(_icon(size, "maskable") for size in (192, 512)),
    ]
    content = {
        "id": "/",
        "name": "evoweb",
        "short_name": "evoweb",
        "description": gettext("Your team's chat with its AI model."),
        "lang": get_language(),
        "start_url": "/",
        "scope": "/",
        "display": "standalone",
        "background_color": PAPER,
        "theme_color": PAPER,
        "icons": icons,
        "shortcuts": [
            {"name": gettext("New chat"), "url": reverse("new_conversation")},
            {"name": gettext("Usage"), "url": reverse("my_usage")},
        ],
    }
    return JsonResponse(content, content_type="application/manifest+json")


@require_GET
def worker(request: HttpRequest) -> HttpResponse:
    """The script that browsers keep beside the pages. It is another one with another language or
    another version of its files, and then they fetch these anew."""
    files = [static(name) for name in OFFLINE_FILES]
    version = sha256(" ".join([get_language() or "", *files]).encode()).hexdigest()[:16]
    context = {"offline": reverse("offline"), "files": files, "version": version}
    return render(request, "app/worker.js", context, content_type="text/javascript")


@require_GET
def offline(request: HttpRequest) -> HttpResponse:
    """What stands in for every page while there is no line: a box for what one wants to say."""
    return render(request, "app/offline.html")


def _icon(size: int, purpose: str) -> dict[str, str]:
    name = "icon" if purpose == "any" else purpose
    return {
        "src": static(f"icons/{name}-{size}.png"),
        "sizes": f"{size}x{size}",
        "type": "image/png",
        "purpose": purpose,
    }
