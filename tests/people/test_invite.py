"""`manage.py invite EMAIL`: a link that lets somebody in once."""

import threading
from datetime import datetime, timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from pytest_django import Settings

from chat.domain import accounts
from chat.models import User
from tests.people.conftest import is_signed_in
from tests.people.test_passwords import BETTER, set_password


def invite(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    call_command("invite", *arguments)
    return capsys.readouterr().out.strip()


def test_the_link_lets_the_invited_set_a_password_and_sign_in(
    ana: User, client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    link = invite(capsys, "Cat@Example.org")
    set_password(client, link)
    client.post("/accounts/login/", {"login": "cat@example.org", "password": BETTER})

    assert is_signed_in(client)
    cat = User.objects.get(email="cat@example.org")
    assert not cat.is_administrator
    assert not cat.is_staff
    address = EmailAddress.objects.get(user=cat)
    assert (address.email, address.verified, address.primary) == ("cat@example.org", True, True)


def test_the_link_works_once(ana: User, client: Client) -> None:
    link = accounts.invite("cat@example.org")
    set_password(client, link)

    assert set_password(Client(), link, "a third password here") == 0
    assert User.objects.get(email="cat@example.org").check_password(BETTER)


@pytest.mark.parametrize(("age", "status"), [(-60, 302), (60, 0)])
def test_the_link_is_valid_for_three_days(
    ana: User, client: Client, monkeypatch: pytest.MonkeyPatch, age: int, status: int
) -> None:
    link = accounts.invite("cat@example.org")
    then = datetime.now() + timedelta(days=3, seconds=age)
    monkeypatch.setattr(accounts.PasswordLinks, "_now", lambda self: then)

    assert set_password(client, link) == status


def test_the_link_is_of_the_public_address(ana: User, settings: Settings) -> None:
    settings.PUBLIC_URL = "https://chat.example.org"

    link = accounts.invite("cat@example.org")

    assert link.startswith("https://chat.example.org/accounts/password/reset/key/")


def test_inviting_again_makes_another_link_for_the_same_person(ana: User, client: Client) -> None:
    accounts.invite("cat@example.org")

    second = accounts.invite("CAT@example.org", language="es")

    assert User.objects.get(email="cat@example.org").language == "es"
    assert set_password(client, second) == 302


def test_the_language_is_kept(ana: User, capsys: pytest.CaptureFixture[str]) -> None:
    invite(capsys, "cat@example.org", "--language", "es")

    assert User.objects.get(email="cat@example.org").language == "es"


@pytest.mark.django_db
def test_the_first_person_invited_becomes_administrator() -> None:
    accounts.invite("ana@example.org")
    accounts.invite("ben@example.org")

    who = User.objects.order_by("email").values_list("email", "is_superuser", "is_staff")
    assert list(who) == [("ana@example.org", True, True), ("ben@example.org", False, False)]


def test_a_member_is_told_to_sign_in(ben: User) -> None:
    with pytest.raises(CommandError, match="ben@example.org is here already"):
        call_command("invite", "BEN@example.org")


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["nobody", "a@b", "", f"{'x' * 250}@example.org"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(CommandError):
        call_command("invite", address)
    assert not User.objects.exists()


@pytest.mark.django_db
def test_a_language_that_there_is_not_is_refused() -> None:
    with pytest.raises(CommandError, match="language"):
        call_command("invite", "cat@example.org", "--language", "xx")
    assert not User.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_invitations_at_the_same_moment_make_one_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    join, together = accounts._join, threading.Barrier(2, timeout=20)
    links: list[str] = []

    def join_together(email: str, language: str) -> User:
        together.wait()
        return join(email, language)

    def ask() -> None:
        links.append(accounts.invite("cat@example.org"))
        connection.close()

    monkeypatch.setattr(accounts, "_join", join_together)
    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(links) == 2
    assert User.objects.get().email == "cat@example.org"
