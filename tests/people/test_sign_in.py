"""Signing in and out: by address and password, telling a stranger nothing about who is here."""

import re

import pytest
from django.contrib.auth.hashers import identify_hasher, make_password
from django.test import Client
from django.urls import NoReverseMatch, reverse

from chat.domain import accounts
from chat.models import User
from tests.people.conftest import PASSWORD, SignIn, is_signed_in

SIGN_IN = "/accounts/login/"


def refusal(client: Client, login: str, password: str) -> str:
    """The whole page that answers, without what differs from page to page anyway."""
    answer = client.post(SIGN_IN, {"login": login, "password": password})
    assert answer.status_code == 200
    assert not is_signed_in(client)
    page = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", answer.content.decode())
    return re.sub(r'data-now="\d+"', "", page.replace(login, "<the address>"))


@pytest.mark.parametrize("typed", ["ben@example.org", "BEN@Example.ORG", "  ben@example.org "])
def test_an_address_is_one_login_however_it_is_typed(ben: User, client: Client, typed: str) -> None:
    answer = client.post(SIGN_IN, {"login": typed, "password": PASSWORD})

    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert answer.wsgi_request.user == ben
    assert is_signed_in(client)


def test_a_wrong_password_signs_nobody_in(ben: User, client: Client) -> None:
    assert "The address or the password is not right." in refusal(client, ben.email, "wrong")


def test_an_unknown_address_hears_what_a_wrong_password_hears(ben: User, client: Client) -> None:
    assert refusal(client, "eve@example.org", PASSWORD) == refusal(client, ben.email, "wrong")


def test_an_open_invitation_hears_what_a_wrong_password_hears(ben: User, client: Client) -> None:
    accounts.invite("cat@example.org")

    assert refusal(client, "cat@example.org", PASSWORD) == refusal(client, ben.email, "wrong")


def test_signing_in_leads_on_to_the_page_that_asked_for_it(ben: User, client: Client) -> None:
    asked = client.get("/profile/")

    answer = client.post(asked["Location"], {"login": ben.email, "password": PASSWORD})

    assert asked["Location"] == "/accounts/login/?next=/profile/"
    assert answer["Location"] == "/profile/"


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "javascript:x",
        # Hosts of ours, but whose machine is that?
        "http://localhost/x",
        "http://127.0.0.1/x",
    ],
)
def test_signing_in_never_leads_elsewhere(ben: User, client: Client, elsewhere: str) -> None:
    form = {"login": ben.email, "password": PASSWORD, "next": elsewhere}

    assert client.post(SIGN_IN, form)["Location"] == "/"


def test_signing_in_needs_the_token_of_its_page(ben: User) -> None:
    careful = Client(enforce_csrf_checks=True)

    answer = careful.post(SIGN_IN, {"login": ben.email, "password": PASSWORD})

    assert answer.status_code == 403
    assert not is_signed_in(careful)


def test_signing_in_says_nothing_but_the_page(ben: User, sign_in: SignIn) -> None:
    page = sign_in(ben).get("/profile/")

    assert not list(page.context["messages"])


def test_signing_out_takes_a_post(ben: User, sign_in: SignIn) -> None:
    browser = sign_in(ben)

    browser.get("/accounts/logout/")
    before = is_signed_in(browser)
    answer = browser.post("/accounts/logout/")

    assert before
    assert answer["Location"] == SIGN_IN
    assert not is_signed_in(browser)


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_signs_up_uninvited(client: Client, method: str) -> None:
    form = {"email": "eve@example.org", "password1": PASSWORD, "password2": PASSWORD}

    answer = getattr(client, method)("/accounts/signup/", form)

    assert answer.status_code == 403
    assert "By invitation" in answer.content.decode()
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "path",
    [
        "",
        "email/",
        "confirm-email/",
        "confirm-email/key/",
        "inactive/",
        "login/code/",
        "login/code/confirm/",
        "password/set/",
        "reauthenticate/",
    ],
)
def test_what_evoweb_does_not_offer_has_no_address(
    ben: User, sign_in: SignIn, client: Client, path: str
) -> None:
    assert sign_in(ben).get(f"/accounts/{path}").status_code == 404
    assert client.post(f"/accounts/{path}").status_code == 404


def test_addresses_cannot_be_managed() -> None:
    with pytest.raises(NoReverseMatch):
        reverse("account_email")


@pytest.mark.usefixtures("real_hashes")
def test_passwords_are_kept_with_argon2(ben: User) -> None:
    assert identify_hasher(ben.password).algorithm == "argon2"


@pytest.mark.usefixtures("real_hashes")
def test_an_older_hash_becomes_argon2_at_the_next_sign_in(ben: User, sign_in: SignIn) -> None:
    ben.password = make_password(PASSWORD, hasher="pbkdf2_sha256")
    ben.save(update_fields=["password"])

    sign_in(ben)

    ben.refresh_from_db()
    assert identify_hasher(ben.password).algorithm == "argon2"
    assert ben.check_password(PASSWORD)
