"""Pictures by themselves: uploaded, described, taken away, and shown to whoever may see them."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST, require_safe

from chat.domain import attachments, files
from chat.forms.conversation import MessageForm
from chat.imaging.kinds import SUFFIXES
from chat.models import Attachment
from chat.models.attachment import AttachmentQuerySet
from chat.views import attached
from chat.views.access import SignedInRequest, open_conversation, signed_in
from chat.views.conversations import PAGE, page_context

# It is a picture and nothing else, whatever a browser may take it for: nothing in it runs or loads.
POLICY = "default-src 'none'; sandbox"
SMALL_TYPE = "image/webp"
FOR_EVER = "private, max-age=31536000, immutable"


@require_POST
@signed_in
def upload(request: SignedInRequest) -> HttpResponse:
    """One file of the page's script. Answers with it as it lies in the composer, or a sentence."""
    place = request.POST.get("conversation", "")
    conversation = open_conversation(request, _uuid(place)) if place else None
    file = request.FILES.get("picture")
    if file is None:
        return HttpResponse(status=400)
    try:
        picture = attached.keep(request.user, conversation, file)
    except attached.NotTaken as refusal:
        return HttpResponse(str(refusal), status=422, content_type="text/plain; charset=utf-8")
    return render(request, "chat/_attached.html", {"picture": picture}, status=201)


@require_POST
@signed_in
def describe(request: SignedInRequest, picture_id: uuid.UUID) -> HttpResponse:
    picture = _unsent(request, picture_id)

    attachments.describe(picture, alt=request.POST.get(f"alt-{picture.pk}", ""))

    return HttpResponse(status=204)


@require_POST
@signed_in
def remove(request: SignedInRequest, picture_id: uuid.UUID) -> HttpResponse:
    """Without script the page comes again, with what was written in it."""
    picture = _unsent(request, picture_id)
    # The others are described in the same form.
    attached.receive(request, picture.conversation)

    attachments.remove(picture)

    if request.htmx:
        return HttpResponse()
    initial = {"text": request.POST.get("text", ""), "send_key": uuid.uuid4()}
    form = MessageForm(initial=initial)
    return render(request, PAGE, page_context(picture.conversation, user=request.user, form=form))


@require_safe
@signed_in
def picture(request: SignedInRequest, picture_id: uuid.UUID) -> HttpResponse:
    return served(Attachment.objects.visible_to(request.user), picture_id)


@require_safe
@signed_in
def small_picture(request: SignedInRequest, picture_id: uuid.UUID) -> HttpResponse:
    return served(Attachment.objects.visible_to(request.user), picture_id, small=True)


@require_safe
def fetched_picture(request: HttpRequest, name: str) -> HttpResponse:
    """For the model's service, which is not signed in: what the address is signed for, until it
    ends, where the operator has it so."""
    token, _, _suffix = name.rpartition(".")
    sha256 = files.opened_by(token) if settings.PICTURE_LINKS else None
    found = Attachment.objects.filter(sha256=sha256).first() if sha256 else None
    if found is None:
        raise Http404
    return served(Attachment.objects.all(), found.pk, cached=False)


def served(
    seen: AttachmentQuerySet, picture_id: uuid.UUID, *, small: bool = False, cached: bool = True
) -> HttpResponse:
    """Among those that somebody may see. What is behind an address never changes, but a link by
    which it is seen may end: what came by one is not `cached`."""
    found = get_object_or_404(seen, pk=picture_id)
    kind = SMALL_TYPE if small else found.content_type
    try:
        content = files.read(found.small_sha256 if small else found.sha256)
    except FileNotFoundError:
        raise Http404 from None
    name = f"picture-{str(found.pk)[:8]}.{SUFFIXES[kind]}"
    return HttpResponse(
        content,
        content_type=kind,
        headers={
            "Content-Disposition": f'inline; filename="{name}"',
            "Content-Security-Policy": POLICY,
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": FOR_EVER if cached else "private, no-store",
        },
    )


def _unsent(request: SignedInRequest, picture_id: uuid.UUID) -> Attachment:
    mine = Attachment.objects.unsent_by(request.user).select_related("conversation")
    picture: Attachment = get_object_or_404(mine, pk=picture_id)
    return picture


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Http404 from None
