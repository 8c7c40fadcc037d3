"""Forms about people: signing in, passwords, the first administrator, the profile."""

import functools
import zoneinfo
from typing import Any

from allauth.account import forms as allauth
from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from chat.enums import Theme
from chat.models import User

EMAIL = _("E-mail address")
PASSWORD = _("Password")
NEW_PASSWORD = _("New password")
NEW_PASSWORD_AGAIN = _("New password, once more")
PASSWORD_RULES = _("At least 12 characters, not digits alone, and nothing that others would guess.")


class SignInForm(allauth.LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name(self, login=EMAIL, password=PASSWORD)
        self.fields["login"].widget.attrs |= {"autocomplete": "username", "autofocus": True}


class AskForResetForm(allauth.ResetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name(self, email=EMAIL)


class SetPasswordForm(allauth.ResetPasswordKeyForm):
    """What the link of an invitation or a reset leads to."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name(self, password1=NEW_PASSWORD, password2=NEW_PASSWORD_AGAIN)


class ChangePasswordForm(allauth.ChangePasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _name(
            self,
            oldpassword=_("Present password"),
            password1=NEW_PASSWORD,
            password2=NEW_PASSWORD_AGAIN,
        )


class WelcomeForm(forms.Form):
    """The first administrator."""

    email = forms.EmailField(
        label=EMAIL,
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username"}),
    )
    display_name = forms.CharField(
        label=_("Name"),
        help_text=_("What others see."),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        label=PASSWORD,
        help_text=PASSWORD_RULES,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        person = User(email=cleaned.get("email", ""), display_name=cleaned.get("display_name", ""))
        if "password" in cleaned:
            try:
                validate_password(cleaned["password"], person)
            except ValidationError as problem:
                self.add_error("password", problem)
        return cleaned


class ProfileForm(forms.Form):
    """What people say about themselves. Not a model form, which would change the user unasked."""

    display_name = forms.CharField(
        label=_("Name"),
        help_text=_("What others see. Without one, the part of your address before the @."),
        max_length=100,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    language = forms.ChoiceField(
        label=_("Language"),
        choices=lambda: [("", _("Like the browser's")), *settings.LANGUAGES],
        required=False,
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"), choices=lambda: _time_zones(), required=False
    )
    theme = forms.ChoiceField(label=_("Theme"), choices=Theme.choices)
    wants_titles = forms.BooleanField(
        label=_("Let the model give chats their titles"),
        help_text=_(
            "It is asked once in each chat, after the first answer, which counts as usage. "
            "Otherwise the first words are the title."
        ),
        required=False,
    )


def _name(form: forms.Form, **labels: Any) -> None:
    """Label the fields in evoweb's words; allauth's placeholders would only repeat them."""
    for name, label in labels.items():
        field = form.fields[name]
        field.label = label
        field.help_text = PASSWORD_RULES if name == "password1" else ""
        field.widget.attrs.pop("placeholder", None)


def _time_zones() -> list[tuple[Any, Any]]:
    return [("", _("Like the browser's")), *_zones_by_region()]


@functools.cache
def _zones_by_region() -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Every zone under its continent or ocean. Read once: the list comes from hundreds of files."""
    regions: dict[str, list[tuple[str, str]]] = {}
    for zone in sorted(zoneinfo.available_timezones()):
        region, _slash, place = zone.partition("/")
        if place:
            regions.setdefault(region, []).append((zone, place.replace("_", " ")))
    regions["Etc"] = [("UTC", "UTC"), *regions.get("Etc", [])]
    return tuple((region, tuple(zones)) for region, zones in regions.items())
