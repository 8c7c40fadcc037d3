"""Wrong passwords are counted by address and by client, and a client cannot choose who it is."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, RequestFactory
from pytest_django import Settings

from chat.adapters import AccountAdapter
from chat.models import User
from tests.people.conftest import PASSWORD

SIGN_IN = "/accounts/login/"
TOO_MANY = "Too many wrong attempts"
PROXY = "10.0.0.1"


WRONG = "not the password"


def attempt(login: str, password: str = WRONG, *, at: str = "192.0.2.1", **headers: str) -> str:
    """What a new browser at this address hears: "in", "wrong", "too many" or "stop"."""
    client = Client(REMOTE_ADDR=at, headers=headers)
    answer = client.post(SIGN_IN, {"login": login, "password": password})
    if answer.status_code == 302:
        return "in"
    if answer.status_code == 429:
        return "stop"
    assert answer.status_code == 200
    return "too many" if TOO_MANY in answer.content.decode() else "wrong"


def test_five_wrong_passwords_close_an_address_for_all_clients(ben: User, ana: User) -> None:
    heard = [attempt(ben.email, at=f"192.0.2.{number}") for number in range(5)]

    assert heard == ["wrong"] * 5
    assert attempt(ben.email, PASSWORD, at="198.51.100.7") == "too many"
    assert attempt("BEN@example.org", PASSWORD, at="198.51.100.8") == "too many"
    assert attempt(ana.email, PASSWORD, at="198.51.100.7") == "in"


@pytest.mark.django_db
def test_an_unknown_address_closes_as_a_known_one_does() -> None:
    heard = [attempt("eve@example.org", at=f"192.0.2.{number}") for number in range(6)]

    assert heard == ["wrong"] * 5 + ["too many"]


def test_the_host_header_does_not_open_it_again(ben: User) -> None:
    heard = [
        attempt(ben.email, at=f"192.0.2.{port}", Host=f"127.0.0.1:{port}") for port in range(1, 7)
    ]

    assert heard == ["wrong"] * 5 + ["too many"]


def test_right_passwords_are_not_counted(ben: User) -> None:
    assert [attempt(ben.email, PASSWORD) for _ in range(12)] == ["in"] * 12


@pytest.mark.django_db
def test_ten_wrong_passwords_close_the_page_for_a_client(ben: User) -> None:
    heard = [attempt(f"person{number}@example.org") for number in range(11)]

    assert heard == ["wrong"] * 10 + ["too many"]
    assert attempt(ben.email, PASSWORD) == "too many"
    assert attempt(ben.email, PASSWORD, at="192.0.2.2") == "in"


def test_thirty_attempts_a_minute_get_a_page_that_says_wait(ben: User) -> None:
    heard = [attempt(ben.email, PASSWORD) for _ in range(31)]
    page = Client(REMOTE_ADDR="192.0.2.1").post(SIGN_IN, {"login": ben.email})

    assert heard == ["in"] * 30 + ["stop"]
    assert (page.status_code, page["Retry-After"]) == (429, "60")
    assert "errors/429.html" in [template.name for template in page.templates]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("proxies", "forged"),
    [
        (0, "203.0.113.{}"),
        (0, "203.0.113.{}, 192.0.2.1"),
        (1, "203.0.113.{}, 192.0.2.1"),
        (1, "203.0.113.{}, 203.0.113.9, 192.0.2.1"),
        (1, "nonsense {}, 192.0.2.1"),
        (2, "203.0.113.{}, 192.0.2.1, 10.0.0.2"),
    ],
)
def test_a_forged_header_does_not_make_another_client(
    settings: Settings, proxies: int, forged: str
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies

    heard = [
        attempt(f"person{number}@example.org", at=PROXY, X_Forwarded_For=forged.format(number))
        for number in range(11)
    ]

    assert heard == ["wrong"] * 10 + ["too many"]


@pytest.mark.django_db
def test_behind_a_trusted_proxy_everybody_is_counted_alone(settings: Settings) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1

    heard = [
        attempt(f"person{number}@example.org", at=PROXY, X_Forwarded_For=f"192.0.2.{number}")
        for number in range(11)
    ]

    assert heard == ["wrong"] * 11


@pytest.mark.parametrize(
    ("proxies", "connection", "header", "counted"),
    [
        (0, "192.0.2.1", "203.0.113.5", "192.0.2.1"),
        (1, PROXY, "203.0.113.5, 192.0.2.1", "192.0.2.1"),
        (1, PROXY, "192.0.2.1:4711", "192.0.2.1"),
        (1, PROXY, "2001:db8::7", "2001:db8::7"),
        (1, PROXY, "", PROXY),
        (1, PROXY, "unknown", PROXY),
        (1, PROXY, "203.0.113.5, ", PROXY),
        (2, PROXY, "203.0.113.5", PROXY),
        (0, "::ffff:192.0.2.1", "", "192.0.2.1"),
        (0, "", "203.0.113.5", "unknown"),
    ],
)
def test_who_is_counted(
    settings: Settings, proxies: int, connection: str, header: str, counted: str
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    headers = {"X-Forwarded-For": header} if header else {}
    request = RequestFactory().post(SIGN_IN, REMOTE_ADDR=connection, headers=headers)

    assert AccountAdapter().get_client_ip(request) == counted


@pytest.mark.parametrize("header", ["", "unknown", "203.0.113.5"])
def test_a_proxy_that_does_not_say_who_asks_keeps_nobody_out(
    settings: Settings, ben: User, header: str
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2
    headers = {"X_Forwarded_For": header} if header else {}

    assert attempt(ben.email, PASSWORD, at=PROXY, **headers) == "in"


def test_allauth_alone_would_fail_there(settings: Settings) -> None:
    """What `get_client_ip` is overridden for; when this fails, the override can go."""
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2
    request = RequestFactory().post(SIGN_IN, headers={"X-Forwarded-For": "203.0.113.5"})

    with pytest.raises(ImproperlyConfigured):
        super(AccountAdapter, AccountAdapter()).get_client_ip(request)
