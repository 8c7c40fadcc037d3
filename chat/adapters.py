"""How allauth meets evoweb: who may sign in, who is counted, and what is said about it."""

import ipaddress
import logging
import threading
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sites.shortcuts import get_current_site
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.core.mail import EmailMessage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from chat.domain import accounts
from chat.models import User

log = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": _(
            "The address or the password is not right. If you are sure of both, ask your "
            "administrator."
        ),
        "too_many_login_attempts": _("Too many wrong attempts. Try again in five minutes."),
        "enter_current_password": _("This is not your present password."),
        "invalid_password_reset": _("This link has been used or is too old."),
    }

    def is_safe_url(self, url: str | None) -> bool:
        """Only pages of the site that was asked: loopback, which is a host of ours too, is whose
        machine the reader sits at."""
        return url_has_allowed_host_and_scheme(
            url, allowed_hosts={self.request.get_host()}, require_https=self.request.is_secure()
        )

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> AbstractBaseUser | None:
        """Whoever is switched off hears what a wrong password hears."""
        user = super().authenticate(request, **credentials)
        if user is None or user.is_active:
            return user
        # allauth gave this attempt back, because the password was right; count it as a wrong one.
        self.pre_authenticate(request, **credentials)
        return None

    def respond_user_inactive(self, request: HttpRequest, user: AbstractBaseUser) -> HttpResponse:
        return redirect("account_login")

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("profile")

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        assert isinstance(user, User)
        accounts.set_password(user=user, password=password)

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address to count by; behind proxies, the one that the outermost of ours saw.

        Where X-Forwarded-For is missing, shorter than our row of proxies or unreadable, it is the
        connection's own, which nobody can forge.
        """
        try:
            address = super().get_client_ip(request)
        except (ImproperlyConfigured, PermissionDenied):
            address = request.META.get("REMOTE_ADDR") or "unknown"
        return _without_mapping(address)

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """By login alone. allauth adds the Host header, whose port the client may choose freely."""
        return str(credentials.get("email", "")).lower()

    def get_reset_password_from_key_url(self, key: str) -> str:
        url = super().get_reset_password_from_key_url(key)
        return accounts.absolute(urlsplit(url).path)

    def send_password_reset_mail(
        self, user: AbstractBaseUser, email: str, context: dict[str, Any]
    ) -> None:
        """In the language of whoever gets it, who need not be the one who asked for it."""
        assert isinstance(user, User)
        with translation.override(user.language or translation.get_language()):
            super().send_password_reset_mail(user, email, context)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Deliver beside the request: neither its time nor its failure tells who is known here."""
        site = get_current_site(self.request)
        message = self.render_mail(
            template_prefix, email, {"email": email, "current_site": site, **context}
        )
        threading.Thread(target=_deliver, args=(message,), name="mail", daemon=True).start()

    def add_message(
        self,
        request: HttpRequest,
        level: int,
        message_template: str | None = None,
        message_context: dict[str, Any] | None = None,
        extra_tags: str = "",
        message: str | None = None,
    ) -> None:
        """In evoweb's words; signing in and out speak for themselves."""
        if message_template == "account/messages/password_changed.txt":
            messages.success(request, _("Your password is changed."))


def _without_mapping(address: str) -> str:
    """`::ffff:192.0.2.1` as 192.0.2.1: by network, as IPv6 is counted, those are all one."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


def _deliver(message: EmailMessage) -> None:
    try:
        message.send()
    except OSError:
        log.exception("A mail could not be sent. EMAIL_URL says where to.")
