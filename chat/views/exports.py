"""The ledger as a file of any size: everybody's own, and for reviewers and administrators the
team's."""

from __future__ import annotations

from functools import partial

from django.http import Http404, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from chat.forms.exports import SelectionForm
from chat.models import User
from chat.rendering.exports import FORMATS, Format, piece
from chat.views.access import SignedInRequest, reviewer_only, signed_in
from chat.views.sending import sent


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
    rows = partial(piece, kind, form.selection(ended_by=timezone.now()))
    return sent(request, f"{prefix}{kind.name}", kind.content_type, kind.head, rows)
