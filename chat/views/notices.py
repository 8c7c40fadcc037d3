"""What people are told on their pages: they put it away themselves."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from chat.domain import notices
from chat.models import Notice
from chat.views.access import SignedInRequest, safe_next, signed_in


@require_POST
@signed_in
def read_notice(request: SignedInRequest, notice_id: int) -> HttpResponse:
    notices.read(get_object_or_404(Notice.objects.of(request.user), pk=notice_id))

    if request.htmx:
        return HttpResponse()
    return redirect(safe_next(request, request.POST.get("next", "")))
