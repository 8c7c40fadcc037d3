"""Whoever is switched off is out at once, and comes in by no door."""

from urllib.parse import urlsplit

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from chat.domain import accounts
from chat.models import User
from tests.people.conftest import PASSWORD, SignIn, is_signed_in
from tests.people.test_limits import attempt
from tests.people.test_passwords import Mails, ask_for_reset, set_password
from tests.people.test_sign_in import refusal


@pytest.fixture
def gone(ben: User) -> User:
    accounts.switch_off(user=ben)
    return ben


@pytest.mark.django_db(transaction=True)
def test_their_sessions_end_at_once(ana: User, ben: User, sign_in: SignIn) -> None:
    here, elsewhere, another = sign_in(ben), sign_in(ben), sign_in(ana)

    accounts.switch_off(user=ben)

    answer = here.get("/profile/")
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/?next=/profile/")
    assert not is_signed_in(elsewhere)
    assert is_signed_in(another)
    assert Session.objects.count() == 1


def test_a_session_that_is_still_there_is_worth_nothing(ben: User, sign_in: SignIn) -> None:
    browser = sign_in(ben)

    User.objects.filter(pk=ben.pk).update(is_active=False)

    assert not is_signed_in(browser)


@pytest.mark.django_db(transaction=True)
def test_switching_on_again_brings_no_session_back(ben: User, sign_in: SignIn) -> None:
    browser = sign_in(ben)
    accounts.switch_off(user=ben)

    User.objects.filter(pk=ben.pk).update(is_active=True)

    assert not is_signed_in(browser)
    assert is_signed_in(sign_in(ben))


def test_their_password_is_answered_like_a_wrong_one(gone: User, ana: User) -> None:
    assert refusal(Client(), gone.email, PASSWORD) == refusal(Client(), ana.email, "wrong")


def test_their_password_is_counted_like_a_wrong_one(gone: User) -> None:
    heard = [attempt(gone.email, PASSWORD, at=f"192.0.2.{number}") for number in range(6)]

    assert heard == ["wrong"] * 5 + ["too many"]


def test_they_are_sent_no_reset(gone: User, ana: User, mailoutbox: Mails) -> None:
    assert ask_for_reset(gone.email) == ask_for_reset(ana.email)
    assert [mail.to for mail in mailoutbox] == [[ana.email]]


def test_a_link_they_have_already_sets_nothing(ben: User) -> None:
    link = accounts.password_path(ben)
    accounts.switch_off(user=ben)

    assert set_password(Client(), link) == 0
    ben.refresh_from_db()
    assert ben.check_password(PASSWORD)


def test_the_same_link_would_work_for_somebody_who_is_not(ben: User) -> None:
    assert set_password(Client(), accounts.password_path(ben)) == 302


def test_they_are_not_invited_again(gone: User) -> None:
    with pytest.raises(accounts.SwitchedOff, match=gone.email):
        accounts.invite(gone.email)


def test_an_invited_person_who_is_switched_off_cannot_join(ana: User) -> None:
    link = accounts.invite("cat@example.org")
    cat = User.objects.get(email="cat@example.org")
    accounts.switch_off(user=cat)

    assert set_password(Client(), urlsplit(link).path) == 0
    cat.refresh_from_db()
    assert not cat.has_usable_password()
