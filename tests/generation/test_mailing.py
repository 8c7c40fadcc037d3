"""Notices go out as mails: once each, in the reader's language, and whatever the server says."""

from __future__ import annotations

import asyncio
import smtplib
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.utils import timezone
from pytest_django import Settings

from chat.domain import asking, notices
from chat.enums import News, Period
from chat.generation.mailing import Mailer
from chat.generation.pool import DatabasePool
from chat.models import Budget, Notice, User
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ana(transactional_db: None) -> User:
    return make_user("ana", is_staff=True, is_superuser=True)


@pytest.fixture
def ben(ana: User) -> User:
    return make_user("ben", language="es")


@pytest.fixture
def granted(ana: User, ben: User) -> Notice:
    """Ben asked and Ana, who was told, has granted."""
    budget = Budget.objects.create(period=Period.DAY, tokens=1000)
    request = asking.ask(budget=budget, user=ben, reason="The yearly report")
    asking.grant(request, by=ana, amount=500, until=timezone.now() + timedelta(hours=1))
    return Notice.objects.get(kind=News.MORE_GRANTED)


def send_due(*, processes: int = 1) -> None:
    async def all_at_once() -> None:
        pools = [DatabasePool() for _ in range(processes)]
        await asyncio.gather(
            *(Mailer(pool).send_due() for pool in pools), return_exceptions=processes > 1
        )
        for pool in pools:
            pool.close()

    asyncio.run(all_at_once())


def test_each_is_told_once_by_whichever_process_and_in_their_language(granted: Notice) -> None:
    send_due(processes=4)
    send_due()

    assert sorted(message.to for message in mail.outbox) == [
        ["ana@example.org"],
        ["ben@example.org"],
    ]
    asked, answered = sorted(mail.outbox, key=lambda message: message.to)
    assert "Ben asks for more (Everybody together, each day): The yearly report" in asked.body
    assert "/usage/requests/" in asked.body
    # As dates are written in Spanish.
    assert " de 20" in answered.body
    granted.refresh_from_db()
    assert (granted.mail_at, granted.mailed_at is None) == (None, False)


def test_what_a_server_refuses_is_tried_again_after_a_while(
    granted: Notice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> int:
        raise smtplib.SMTPServerDisconnected

    with monkeypatch.context() as patch:
        patch.setattr(EmailMessage, "send", refuse)
        for _ in range(2):
            with pytest.raises(smtplib.SMTPServerDisconnected):
                send_due()
    send_due()
    assert mail.outbox == []

    Notice.objects.update(mail_at=timezone.now())
    send_due()

    assert len(mail.outbox) == 2


def test_what_a_process_claimed_and_did_not_send_is_sent_later(granted: Notice) -> None:
    assert notices.claim_mail() is not None
    assert notices.claim_mail() is not None
    assert notices.claim_mail() is None

    Notice.objects.update(mail_at=timezone.now())

    assert notices.claim_mail() is not None


def test_old_news_and_people_who_left_are_not_written_to(granted: Notice, ben: User) -> None:
    Notice.objects.exclude(user=ben).update(created_at=timezone.now() - timedelta(days=2))
    User.objects.filter(pk=ben.pk).update(is_active=False)

    send_due()

    assert mail.outbox == []
    assert not Notice.objects.exclude(mail_at=None).exists()


def test_where_mails_are_only_printed_it_is_told_on_the_page_alone(
    settings: Settings, ana: User
) -> None:
    settings.EMAIL_BACKEND = notices.CONSOLE
    budget = Budget.objects.create(period=Period.DAY, tokens=1000)
    asking.ask(budget=budget, user=make_user("ben"), reason="The yearly report")

    send_due()

    assert Notice.objects.get().mail_at is None
    assert Notice.objects.of(ana).unread(timezone.now()).count() == 1


def test_what_is_long_over_is_forgotten(granted: Notice) -> None:
    Notice.objects.filter(pk=granted.pk).update(
        expires_at=timezone.now() - timedelta(days=91), mail_at=None
    )

    assert notices.purge() == 1
    assert Notice.objects.count() == 1
