"""What is being written, as it is typed. Only the page's script asks here."""

from __future__ import annotations

import uuid

from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_http_methods

from chat.domain import drafts
from chat.domain.drafts import Outdated
from chat.forms.conversation import DraftForm
from chat.models import Conversation, Draft
from chat.views.access import SignedInRequest, open_conversation, signed_in

METHODS = ["GET", "HEAD", "POST"]


@require_http_methods(METHODS)
@signed_in
def new_draft(request: SignedInRequest) -> HttpResponse:
    """Of a conversation that has not begun."""
    return _draft(request, None)


@require_http_methods(METHODS)
@signed_in
def draft(request: SignedInRequest, conversation_id: uuid.UUID) -> HttpResponse:
    return _draft(request, open_conversation(request, conversation_id))


def _draft(request: SignedInRequest, conversation: Conversation | None) -> HttpResponse:
    if request.method != "POST":
        return _as_json(Draft.objects.of(request.user).beside(conversation).first())
    form = DraftForm(request.POST)
    if not form.is_valid():
        return HttpResponse(status=422)

    try:
        drafts.save(user=request.user, conversation=conversation, **form.cleaned_data)
    except Outdated as outdated:
        return _as_json(outdated.newer, status=409)

    return HttpResponse(status=204)


def _as_json(draft: Draft | None, *, status: int = 200) -> JsonResponse:
    text, version = (draft.text, str(draft.version)) if draft else ("", "")
    return JsonResponse({"text": text, "version": version}, status=status)
