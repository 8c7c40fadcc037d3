"""What is done in the same way with all that people make for themselves or for everybody."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from chat.domain import owned
from chat.forms.owned import OwnedForm
from chat.models import Conversation
from chat.models.owned import Owned
from chat.views.access import SignedInRequest, open_conversation


def keep(form: OwnedForm, deed: Callable[[], object]) -> bool:
    """Do it. If another one has its name, the form says so."""
    try:
        deed()
    except owned.NameTaken:
        form.refuse_name()
        return False
    return True


def named_conversation(request: SignedInRequest, parameter: str) -> Conversation | None:
    """The one that a parameter of the address names. Raises Http404 for what is not theirs."""
    try:
        key = uuid.UUID(request.GET.get(parameter, ""))
    except ValueError:
        return None
    return open_conversation(request, key)


def delete(request: SignedInRequest, thing: Owned, *, undo: str, back: str) -> HttpResponse:
    """`undo` and `back` are names of addresses."""
    owned.delete(thing)

    words = _("“%(name)s” is deleted.") % {"name": thing.name}
    messages.info(request, words, extra_tags=f"undo:{reverse(undo, args=(thing.pk,))}")
    return redirect(back)


def restore(request: SignedInRequest, thing: Owned, *, undo: str, back: str) -> HttpResponse:
    try:
        owned.restore(thing)
    except owned.NameTaken:
        words = _("There is another “%(name)s” by now. Give that one another name first.")
        again = reverse(undo, args=(thing.pk,))
        messages.error(request, words % {"name": thing.name}, extra_tags=f"undo:{again}")

    return redirect(back)
