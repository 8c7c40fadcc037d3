"""What a budget would have done, before anybody has it."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from chat.domain import what_if
from chat.forms.what_if import DAYS, LOOKED_BACK, WhatIfForm
from chat.views.access import SignedInRequest, reviewer_only


@require_safe
@reviewer_only
def what_if_limits(request: SignedInRequest) -> HttpResponse:
    form = WhatIfForm(request.GET or None)
    context = {"form": form, "days": DAYS, "team_zone": timezone.get_default_timezone_name()}
    if form.is_valid():
        now = timezone.now()
        context["replay"] = what_if.replay(form.budget, since=now - LOOKED_BACK, until=now)
        context["budget"] = form.budget
    return render(request, "usage/what_if.html", context)
