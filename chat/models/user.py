"""A person who signs in. The e-mail address is the login."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chat.enums import Theme


class UserManager(BaseUserManager["User"]):
    """Makes users. An address is kept in lower case, so that it is one login, however typed."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_administrator(self, email: str, password: str, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def administrators(self) -> "models.QuerySet[User]":
        """Those who may sign in, always in the same order."""
        return self.filter(is_superuser=True, is_active=True).order_by("pk")

    # The name that Django's `createsuperuser` looks for.
    create_superuser = create_administrator

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    email = models.EmailField(
        _("e-mail address"),
        unique=True,
        error_messages={"unique": _("Somebody with this address is here already.")},
    )
    display_name = models.CharField(_("name"), max_length=100, blank=True)
    language = models.CharField(
        _("language"), max_length=10, blank=True, choices=settings.LANGUAGES
    )
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)
    theme = models.CharField(_("theme"), max_length=10, choices=Theme.choices, default=Theme.AUTO)
    cost_centre = models.CharField(
        _("cost centre"),
        max_length=60,
        blank=True,
        default="",
        db_default="",
        help_text=_("Who pays for what this person uses from now on."),
    )
    wants_titles = models.BooleanField(_("titles by the model"), default=True, db_default=True)
    # With which their chats begin.
    default_preset = models.ForeignKey(
        "chat.Preset",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    is_reviewer = models.BooleanField(
        _("reviewer"),
        default=False,
        db_default=False,
        help_text=_("Sees the whole team's usage, and changes nothing."),
    )
    is_staff = models.BooleanField(_("may use the admin pages"), default=False)
    is_active = models.BooleanField(
        _("may sign in"),
        default=True,
        help_text=_("Switching this off ends every session of this person at once."),
    )
    created_at = models.DateTimeField(_("since"), default=timezone.now, editable=False)
    # When the notice of who answers, and of what leaves the server, was put away.
    introduced_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Since when this is nobody any more: a pseudonym in the ledger.
    erased_at = models.DateTimeField(_("erased"), null=True, blank=True, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = (models.UniqueConstraint(Lower("email"), name="user_email_is_one_login"),)

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """What others see: the chosen name, or the part of the address before the @."""
        return self.display_name or self.email.partition("@")[0]

    @property
    def is_administrator(self) -> bool:
        return self.is_active and self.is_superuser

    @property
    def sees_team_usage(self) -> bool:
        """Figures and times of everybody, never a text."""
        return self.is_administrator or (self.is_active and self.is_reviewer)

    def clean(self) -> None:
        self.email = self.email.strip().lower()

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name
