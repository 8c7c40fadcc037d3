"""Telling people: a notice is written with what it tells of, shown until it is read, and mailed
once whoever of several processes gets to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from hashlib import blake2s
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from chat.enums import News
from chat.models import Allowance, BudgetRequest, Notice, User

CONSOLE = "django.core.mail.backends.console.EmailBackend"
# A mail that nobody has said to be sent by then is tried again; after a day it is old.
TRY_AGAIN = timedelta(minutes=10)
TOO_OLD = timedelta(days=1)
KEPT = timedelta(days=90)


def tell(
    people: Iterable[User],
    kind: News,
    *,
    subject: str,
    figures: Mapping[str, Any],
    expires_at: datetime,
) -> None:
    """Within the transaction of what is told. Earlier news of the same thing is over with it."""
    now = timezone.now()
    people = list(people)
    settle(subject, people=people)
    Notice.objects.bulk_create(
        Notice(
            user=person,
            kind=kind,
            subject=subject,
            figures=dict(figures),
            created_at=now,
            expires_at=expires_at,
            mail_at=now if is_mailing() else None,
        )
        for person in people
    )


def settle(subject: str, *, people: Iterable[User] | None = None) -> None:
    """What this was about is over, for these people or for all."""
    rows = Notice.objects.filter(subject=subject, read_at=None)
    if people is not None:
        rows = rows.filter(user__in=people)
    rows.update(read_at=timezone.now())


def end(kinds: Collection[News], *, but: Collection[str], told_before: datetime) -> None:
    """Of these kinds nothing is news any more except what is about these subjects."""
    rows = Notice.objects.filter(kind__in=kinds, read_at=None, created_at__lt=told_before)
    rows.exclude(subject__in=but).update(read_at=timezone.now())


def forget(user: User) -> None:
    """What this person was told, and what others were told of them by their name."""
    about = [
        *(subject_of(request) for request in BudgetRequest.objects.filter(user=user)),
        *(subject_of(allowance) for allowance in Allowance.objects.filter(user=user)),
        *(subject_of(allowance) for allowance in Allowance.objects.filter(budget__user=user)),
    ]
    spikes = Q(subject__startswith=spikes_of(user))
    Notice.objects.filter(Q(user=user) | Q(subject__in=about) | spikes).delete()


def spikes_of(user: User) -> str:
    """How the subjects begin of what is told of this person's use."""
    return f"spike:{user.pk}:"


def subject_of(thing: BudgetRequest | Allowance) -> str:
    """What notices of the same thing have in common."""
    return f"{thing._meta.model_name}:{thing.pk}"


def of_model(kind: News, model: str) -> str:
    """The subject of what is told of a model, whose name may be longer than one."""
    return f"{kind}:{blake2s(model.encode(), digest_size=8).hexdigest()}"


def administrators() -> list[User]:
    return list(User.objects.administrators())


def read(notice: Notice) -> None:
    Notice.objects.filter(pk=notice.pk, read_at=None).update(read_at=timezone.now())


def is_mailing() -> bool:
    """Where mails are only printed nobody would read them."""
    return settings.EMAIL_BACKEND != CONSOLE


def claim_mail() -> Notice | None:
    """The next to be mailed. It is this process's for a while; when it is sent, `mailed` says so.
    Whatever dies in between leaves it to be tried again: a mail may come twice then, and is not
    lost."""
    now = timezone.now()
    for notice in Notice.objects.due(now).select_related("user")[:10]:
        old = notice.created_at < now - TOO_OLD or not notice.user.is_active
        mine = Notice.objects.filter(pk=notice.pk, mail_at=notice.mail_at)
        if mine.update(mail_at=None if old else now + TRY_AGAIN) and not old:
            return notice
    return None


def mailed(notice: Notice) -> None:
    Notice.objects.filter(pk=notice.pk).update(mail_at=None, mailed_at=timezone.now())


def purge() -> int:
    """Forget what is long over. Gives how many."""
    old = Notice.objects.filter(expires_at__lt=timezone.now() - KEPT)
    return old.filter(mail_at=None).delete()[0]
