"""The choice of a model: the browser's own, with what is known of each beside its name."""

from __future__ import annotations

from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from chat.domain.offers import offers


class ModelSelect(forms.Select):
    """Browsers that cannot show the facts as a line of their own show them behind the name."""

    template_name = "chat/_model_select.html"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        known = {offer.model: offer for offer in offers()}
        for _group, options, _index in context["widget"]["optgroups"]:
            for option in options:
                option["offer"] = known.get(str(option["value"]))
        return context

    def _render(
        self, template_name: str, context: dict[str, Any], renderer: Any = None
    ) -> SafeString:
        # By the project's own templates, which the renderer of forms does not look at.
        return mark_safe(render_to_string(template_name, context))  # noqa: S308 (made by a template)
