"""The help: who answers, what leaves this server, where things are kept, and who can read what."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from chat.domain import accounts, notices
from chat.domain.attachments import UNSENT_LASTS
from chat.domain.conversations import KEPT_AFTER_DELETING
from chat.queries.upstream import answering
from chat.views.access import SignedInRequest, safe_next, signed_in

# Every field of a request to the upstream, by the upstream's names, with what is in it.
SENT = (
    (("model",), _("the model that is asked")),
    (
        ("messages",),
        _(
            "the chat as it is shown, without its oldest turns where it is longer than the model "
            "reads; of each message:"
        ),
    ),
    (("role",), _("whether a person or the model said it, or whether it is the system prompt")),
    (
        ("content",),
        _("its text, as it was written; for an answer that goes on, also the request to do so"),
    ),
    (
        ("type", "text", "image_url", "url"),
        _("where pictures stand beside it: which part is text, and each picture, drawn anew"),
    ),
    (
        ("reasoning_content",),
        _("what the model thought before it said that; only for models that want it back"),
    ),
    (
        ("stream", "stream_options", "include_usage"),
        _("that the answer is wanted as it is written, and its tokens counted"),
    ),
    (
        ("max_tokens", "max_completion_tokens"),
        _("how long the answer may be, if the chat's settings say so"),
    ),
    (
        ("temperature", "top_p", "top_k"),
        _("how freely the model chooses its words, if the chat's settings say so"),
    ),
)


@require_safe
@signed_in
def help_page(request: SignedInRequest) -> HttpResponse:
    database = settings.DATABASES["default"]
    context = {
        "answering": answering(),
        "sent": SENT,
        "makes_titles": settings.MAKES_TITLES,
        # Elsewhere only where it is a server that has a name.
        "database_host": database.get("HOST", ""),
        "mail_host": settings.EMAIL_HOST if notices.is_mailing() else "",
        "days_kept": KEPT_AFTER_DELETING.days,
        "hours_unsent": UNSENT_LASTS // timedelta(hours=1),
    }
    return render(request, "help.html", context)


@require_POST
@signed_in
def end_introduction(request: SignedInRequest) -> HttpResponse:
    accounts.note_introduced(user=request.user)

    if request.htmx:
        return HttpResponse()
    return redirect(safe_next(request, request.POST.get("next", "")))
