"""The ledger as a file of any size: everybody's own, and for reviewers and administrators the
team's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextvars import Context

from django.http import Http404, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from chat.forms.exports import SelectionForm
from chat.generation.pool import DatabasePool
from chat.models import User
from chat.queries.ledger import Place, Selection
from chat.rendering.exports import FORMATS, Format, piece
from chat.views.access import SignedInRequest, reviewer_only, signed_in

# All exports together read through two threads, and so through two connections of the database:
# however many there are, pages and answers do not wait for them.
_pool = DatabasePool("exports", threads=2)


@require_safe
@signed_in
def my_ledger(request: SignedInRequest, kind: str) -> HttpResponseBase:
    return _file(request, request.user, FORMATS[kind], page="my_usage", prefix="evoweb-")


@require_safe
@reviewer_only
def team_ledger(request: SignedInRequest, kind: str) -> HttpResponseBase:
    return _file(request, None, FORMATS[kind], page="team_usage", prefix="evoweb-team-")


def _file(
    request: SignedInRequest, user: User | None, kind: Format, *, page: str, prefix: str
) -> HttpResponseBase:
    """For a period that cannot be used, the page that says why."""
    form = SelectionForm(request.GET, user=user)
    if "person" in form.errors:
        raise Http404
    if not form.is_valid():
        return redirect(f"{reverse(page)}?{request.GET.urlencode()}")
    selection = form.selection(ended_by=timezone.now())
    # Whoever asks for the head alone is not to have the whole ledger read.
    body = _nothing() if request.method == "HEAD" else _pieces(kind, selection)
    return StreamingHttpResponse(
        body,
        content_type=kind.content_type,
        headers={"Content-Disposition": f'attachment; filename="{prefix}{kind.name}"'},
    )


async def _pieces(kind: Format, selection: Selection) -> AsyncIterator[bytes]:
    """One piece is made while the one before is sent, and no more: a slow reader holds two. One who
    leaves ends it."""
    yield kind.head
    coming = _begin(kind, selection, None)
    try:
        body, last = await coming
        while last is not None:
            coming = _begin(kind, selection, last)
            yield body
            body, last = await coming
        yield body
    finally:
        coming.cancel()


def _begin(
    kind: Format, selection: Selection, after: Place | None
) -> asyncio.Task[tuple[bytes, Place | None]]:
    return asyncio.create_task(_pool.run(piece, kind, selection, after), context=Context())


async def _nothing() -> AsyncIterator[bytes]:
    yield b""
