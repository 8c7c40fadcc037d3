"""The first administrator: by the one-time link, or by the environment, and only one."""

import threading
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from chat.domain import accounts
from chat.models import User
from tests.people.conftest import PASSWORD, is_signed_in

FORM = {"email": "Ana@Example.org", "display_name": "Ana", "password": PASSWORD}


def link_path() -> str:
    return urlsplit(accounts.welcome_link()).path


def in_an_hour(monkeypatch: pytest.MonkeyPatch, **more: int) -> None:
    then = (timezone.now() + timedelta(hours=1, **more)).timestamp()
    monkeypatch.setattr("django.core.signing.time.time", lambda: then)


@pytest.mark.django_db
def test_whoever_holds_the_link_becomes_administrator_and_is_signed_in(client: Client) -> None:
    answer = client.post(link_path(), FORM)

    assert (answer.status_code, answer["Location"]) == (302, "/")
    ana = User.objects.get()
    assert (ana.email, ana.name, ana.is_administrator, ana.is_staff) == (
        "ana@example.org",
        "Ana",
        True,
        True,
    )
    assert ana.check_password(PASSWORD)
    address = EmailAddress.objects.get(user=ana)
    assert (address.email, address.verified, address.primary) == ("ana@example.org", True, True)
    assert is_signed_in(client)


@pytest.mark.django_db
def test_the_link_is_made_of_the_public_address(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://chat.example.org"

    assert accounts.welcome_link().startswith("https://chat.example.org/welcome/")


@pytest.mark.django_db
def test_looking_at_the_link_does_not_use_it_up(client: Client) -> None:
    path = link_path()

    pages = [client.get(path) for _ in range(2)]

    assert [page.status_code for page in pages] == [200, 200]
    assert "no-store" in pages[0]["Cache-Control"]
    assert pages[0]["Referrer-Policy"] == "same-origin"
    assert client.post(path, FORM).status_code == 302


@pytest.mark.django_db
def test_the_link_works_once(client: Client) -> None:
    path = link_path()
    client.post(path, FORM)

    stranger = Client()
    answers = [stranger.get(path), stranger.post(path, FORM | {"email": "eve@example.org"})]

    assert [answer.status_code for answer in answers] == [410, 410]
    assert not is_signed_in(stranger)
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_a_new_link_does_not_open_a_place_that_is_taken(ana: User, client: Client) -> None:
    assert client.post(link_path(), FORM | {"email": "eve@example.org"}).status_code == 410
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_the_link_expires_after_an_hour(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    path = link_path()

    in_an_hour(monkeypatch, seconds=-5)
    in_time = client.get(path)
    in_an_hour(monkeypatch, seconds=5)
    late = [client.get(path), client.post(path, FORM)]

    assert in_time.status_code == 200
    assert [answer.status_code for answer in late] == [410, 410]
    assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("change", [lambda token: "x" + token, lambda token: token[:-1], str.lower])
def test_a_link_that_was_not_made_here_opens_nothing(
    client: Client, change: Callable[[str], str]
) -> None:
    forged = change(accounts.welcome_token())

    assert client.get(f"/welcome/{forged}/").status_code == 410
    assert client.post(f"/welcome/{forged}/", FORM).status_code == 410
    assert not User.objects.exists()


@pytest.mark.django_db
def test_every_start_prints_another_link() -> None:
    assert accounts.welcome_token() != accounts.welcome_token()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"password": "short"}, "password"),
        ({"password": "123456789012345"}, "password"),
        ({"password": "ana@example.org"}, "password"),
        ({"email": "nobody"}, "email"),
        ({"email": ""}, "email"),
    ],
)
def test_what_cannot_be_taken_is_said_at_its_field(
    client: Client, change: dict[str, str], field: str
) -> None:
    answer = client.post(link_path(), FORM | change)

    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert PASSWORD not in answer.content.decode()
    assert not User.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_moment_make_one_administrator(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [link_path(), link_path()]
    both_hashed = threading.Barrier(2, timeout=20)
    set_password = User.set_password
    statuses: list[int] = []

    def set_password_together(user: User, raw_password: str | None) -> None:
        set_password(user, raw_password)
        both_hashed.wait()

    def post(number: int) -> None:
        form = FORM | {"email": f"person{number}@example.org"}
        statuses.append(Client().post(paths[number], form).status_code)
        connection.close()

    monkeypatch.setattr(User, "set_password", set_password_together)
    threads = [threading.Thread(target=post, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [302, 410]
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_the_environment_makes_the_first_administrator() -> None:
    ana = accounts.ensure_administrator_from_environment("ana@example.org", PASSWORD)

    assert ana is not None
    assert User.objects.get() == ana
    assert ana.is_administrator
    assert ana.check_password(PASSWORD)


@pytest.mark.django_db
def test_the_environment_makes_nobody_where_there_is_somebody(ben: User) -> None:
    assert accounts.ensure_administrator_from_environment("ana@example.org", PASSWORD) is None
    assert User.objects.get() == ben
    assert not ben.is_administrator


@pytest.mark.django_db
def test_the_environment_makes_nobody_when_it_names_nobody() -> None:
    assert accounts.ensure_administrator_from_environment("", "") is None
    assert not User.objects.exists()


@pytest.mark.django_db
def test_a_weak_password_in_the_environment_is_refused_with_its_name() -> None:
    with pytest.raises(accounts.Unusable, match="EVOWEB_ADMIN_PASSWORD: .*too short"):
        accounts.ensure_administrator_from_environment("ana@example.org", "short")
    assert not User.objects.exists()


@pytest.mark.django_db
def test_an_unusable_address_in_the_environment_is_refused() -> None:
    with pytest.raises(accounts.Unusable, match="ana@nowhere"):
        accounts.ensure_administrator_from_environment("ana@nowhere", PASSWORD)
    assert not User.objects.exists()
