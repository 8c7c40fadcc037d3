"""People: the first administrator, invitations, profiles, being switched off, and being erased.

AccountError
├── AlreadySetUp      there is somebody, so there is no first administrator to make
├── AlreadyMember     this person has a password and needs no invitation
├── SwitchedOff       this person may not sign in
└── Unusable          the address or the password cannot be taken
"""

import secrets
from datetime import timedelta
from functools import partial

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core import signing
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.http import int_to_base36
from django.utils.translation import gettext as _

from chat.domain import (
    attachments,
    conversations,
    drafts,
    feedback,
    notices,
    owned,
    queued,
    sharing,
)
from chat.enums import Theme
from chat.models import User

WELCOME_LASTS = timedelta(hours=1)
_welcome_signer = signing.TimestampSigner(salt="chat.domain.accounts.welcome")


class AccountError(Exception):
    """The message is a sentence for whoever asked."""


class AlreadySetUp(AccountError):
    pass


class AlreadyMember(AccountError):
    pass


class SwitchedOff(AccountError):
    pass


class Unusable(AccountError):
    pass


class PasswordLinks(PasswordResetTokenGenerator):
    """Signs the links that set a password: each works once, and none while its account is off."""

    def check_token(self, user: AbstractBaseUser | None, token: str | None) -> bool:
        return isinstance(user, User) and user.is_active and super().check_token(user, token)


def anybody() -> bool:
    """Whether evoweb is set up: without people the welcome link makes the first."""
    return User.objects.exists()


def create_first_administrator(*, email: str, display_name: str, password: str) -> User:
    """Raises AlreadySetUp when there is anybody. Of two at the same moment, one succeeds."""
    if User.objects.exists():
        raise AlreadySetUp(_("evoweb is set up already. Sign in."))
    user = User(
        email=_address(email), display_name=display_name.strip(), is_staff=True, is_superuser=True
    )
    # Outside the transaction: hashing takes long, and on SQLite every writer would wait for it.
    user.set_password(password)
    with transaction.atomic():
        _let_nobody_else_join()
        if User.objects.exists():
            raise AlreadySetUp(_("evoweb is set up already. Sign in."))
        _add(user)
    return user


def ensure_administrator_from_environment(email: str, password: str) -> User | None:
    """Make the first administrator of EVOWEB_ADMIN_EMAIL, unless it is unset or there are users.

    Raises Unusable with what is wrong.
    """
    if not email or User.objects.exists():
        return None
    try:
        validate_password(password, User(email=_address(email)))
        return create_first_administrator(email=email, display_name="", password=password)
    except ValidationError as problem:
        reasons = " ".join(problem.messages)
        raise Unusable(f"EVOWEB_ADMIN_PASSWORD: {reasons}") from problem
    except AlreadySetUp:
        return None


def welcome_token() -> str:
    """A new key to the page that makes the first administrator."""
    return _welcome_signer.sign(secrets.token_urlsafe(16))


def check_welcome_token(token: str) -> bool:
    """Whether `token` opens that page: signed here, young, and nobody has used one yet."""
    try:
        _welcome_signer.unsign(token, max_age=WELCOME_LASTS)
    except signing.BadSignature:
        return False
    return not User.objects.exists()


def welcome_link() -> str:
    return absolute(reverse("welcome", args=(welcome_token(),)))


def invite(email: str, *, language: str = "") -> str:
    """A link that sets the password of `email`, who joins by it if need be.

    It is valid for PASSWORD_RESET_TIMEOUT and works once. Whoever is invited before there is
    anybody becomes administrator: nobody else could ever make one.
    """
    email = _address(email)
    user = User.objects.filter(email=email).first() or _join(email, language)
    if not user.is_active:
        raise SwitchedOff(_("%s is switched off. Switch them on in the admin first.") % email)
    if user.has_usable_password():
        sentence = _("%s is here already. A forgotten password is reset on the sign-in page.")
        raise AlreadyMember(sentence % email)
    if language and language != user.language:
        user.language = language
        user.save(update_fields=["language"])
    return absolute(password_path(user))


def password_path(user: User) -> str:
    """Where `user` may set a password, once."""
    key = PasswordLinks().make_token(user)
    return reverse("account_reset_password_from_key", args=(int_to_base36(user.pk), key))


def absolute(path: str) -> str:
    """From PUBLIC_URL, never from what a request calls this host."""
    return f"{settings.PUBLIC_URL}{path}"


def set_password(*, user: User, password: str) -> None:
    """Change nothing else: a whole save could undo that somebody was switched off meanwhile.

    Whoever is signed in as `user` is not any more; a page that changes one's own password makes a
    new session for itself.
    """
    user.set_password(password)
    user.save(update_fields=["password"])
    end_sessions_of(user)


def update_profile(
    *,
    user: User,
    display_name: str,
    language: str,
    time_zone: str,
    theme: str,
    wants_titles: bool,
) -> None:
    user.display_name = display_name.strip()
    user.language = language
    user.time_zone = time_zone
    user.theme = theme
    user.wants_titles = wants_titles
    user.save(update_fields=["display_name", "language", "time_zone", "theme", "wants_titles"])


def set_theme(*, user: User, theme: str) -> None:
    user.theme = theme
    user.save(update_fields=["theme"])


def note_introduced(*, user: User) -> None:
    """That they have read where answers come from."""
    User.objects.filter(pk=user.pk, introduced_at=None).update(introduced_at=timezone.now())


def switch_off(*, user: User) -> None:
    """Nobody signs in as `user`, and whoever is signed in as them is not any more."""
    with transaction.atomic():
        user.is_active = False
        user.save(update_fields=["is_active"])
        transaction.on_commit(partial(end_sessions_of, user))


def erase(*, user: User) -> None:
    """Make a pseudonym of `user`, and remove what they wrote. No figure of the ledger changes.

    A reply that runs ends first, and its conversation goes with the next purge.
    """
    with transaction.atomic():
        _forget(user)
        conversations.give_up(owner=user)
        transaction.on_commit(partial(end_sessions_of, user))
    conversations.purge_of_the_erased()


def _forget(user: User) -> None:
    user.erased_at = timezone.now()
    user.display_name = _("Erased person %d") % user.pk
    # No address: nobody can be invited by it or sign in with it.
    user.email = f"erased-{user.pk}"
    user.language = user.time_zone = user.cost_centre = ""
    user.theme = Theme.AUTO
    user.is_active = user.is_reviewer = user.is_staff = user.is_superuser = False
    user.last_login = user.introduced_at = user.default_preset = None
    user.set_unusable_password()
    user.save()
    user.groups.clear()
    user.user_permissions.clear()
    EmailAddress.objects.filter(user=user).delete()
    # Words of theirs, and to them; what was granted stays, because others have it too.
    user.budget_requests.update(reason="", words="")
    queued.forget(user)
    attachments.forget(user)
    drafts.forget(user)
    notices.forget(user)
    sharing.forget(user)
    feedback.forget(user)
    owned.forget(user)
    # What the administration has noted of them stands under their name.
    kind = ContentType.objects.get_for_model(User)
    notes = LogEntry.objects.filter(content_type=kind, object_id=str(user.pk))
    notes.update(object_repr=user.display_name)


def end_sessions_of(user: User) -> None:
    """Forget every session of `user`, so that none comes to life when they are switched on again.

    Reads all sessions, because they do not say whose they are: not for a page that many ask for.
    """
    current = Session.objects.filter(expire_date__gt=timezone.now())
    theirs = [
        session.pk
        for session in current.iterator()
        if session.get_decoded().get(SESSION_KEY) == str(user.pk)
    ]
    Session.objects.filter(pk__in=theirs).delete()


def _join(email: str, language: str) -> User:
    with transaction.atomic():
        _let_nobody_else_join()
        user = User.objects.filter(email=email).first()
        if user is None:
            is_first = not User.objects.exists()
            user = User(email=email, language=language, is_staff=is_first, is_superuser=is_first)
            user.set_unusable_password()
            _add(user)
    return user


def _add(user: User) -> None:
    """Insert `user`, with the address as allauth wants to know it: it is who they were asked as."""
    user.save(force_insert=True)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)


def _let_nobody_else_join() -> None:
    """Until the end of this transaction. On SQLite, where writers take turns, that is so anyway."""
    if connection.vendor == "postgresql":
        table = connection.ops.quote_name(User._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")


def _address(text: str) -> str:
    try:
        return str(User._meta.get_field("email").clean(text.strip().lower(), None))
    except ValidationError as problem:
        raise Unusable(f"{text}: {' '.join(problem.messages)}") from problem
