"""The people of these tests. Ana administers, Ben is a member, and each has the same password."""

from collections.abc import Callable

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from chat.models import User

PASSWORD = "correct horse battery"
SignIn = Callable[..., Client]


@pytest.fixture(autouse=True)
def _fresh_counts() -> None:
    """Wrong passwords of another test are not counted in this one."""
    cache.clear()


@pytest.fixture(autouse=True)
def _quick_hashes(settings: Settings, request: pytest.FixtureRequest) -> None:
    if "real_hashes" not in request.fixturenames:
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def real_hashes() -> None:
    """Ask for this where hashing is what the test is about."""


@pytest.fixture
def ana(db: None) -> User:
    return person("ana@example.org", display_name="Ana", is_staff=True, is_superuser=True)


@pytest.fixture
def ben(db: None) -> User:
    return person("ben@example.org", display_name="Ben")


@pytest.fixture
def sign_in() -> SignIn:
    """Sign somebody in through the page, in a browser of their own."""

    def in_a_new_browser(user: User, **headers: str) -> Client:
        client = Client(headers=headers)
        answer = client.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
        assert answer.status_code == 302, answer.content.decode()
        return client

    return in_a_new_browser


def person(email: str, **fields: object) -> User:
    user = User.objects.create_user(email, PASSWORD, **fields)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def is_signed_in(client: Client) -> bool:
    """Whether the next page would be shown: the profile leads strangers to the sign-in page."""
    return client.get(reverse("profile")).status_code == 200
