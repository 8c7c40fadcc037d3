"""What guards every address: a session, a token with each form, headers and cookies."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import Settings

from chat.models import Conversation, Message, User
from tests.factories import make_conversation, make_turn, make_user, uploaded
from tests.views.conftest import HTMX, Browser

# They are there for whoever has not signed in.
OPEN = {
    "diagram",
    "fetched_picture",
    "healthz",
    "manifest",
    "metrics",
    "offline",
    "set_theme",
    "welcome",
    "worker",
    "account_login",
    "account_logout",
    "account_signup",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
}


# They take no forms, and what is sent to them changes nothing.
UNANSWERED = {"healthz", "metrics"}


@pytest.fixture
def conversation(ana: User) -> Conversation:
    conversation = make_conversation(ana)
    make_turn(conversation)
    return conversation


def routes(patterns: list[URLPattern | URLResolver], before: str = "") -> Iterator[tuple[str, str]]:
    """Every address of evoweb's own with its name; the admin has pages and guards of its own."""
    for entry in patterns:
        route = before + str(entry.pattern).removeprefix("^").removesuffix("$")
        if isinstance(entry, URLResolver):
            if not route.startswith("admin/"):
                yield from routes(entry.url_patterns, route)
        else:
            yield route, entry.name or ""


ROUTES = dict(routes(get_resolver().url_patterns))
CLOSED = [route for route, name in ROUTES.items() if name not in OPEN]


def address(route: str, conversation: Conversation) -> str:
    reply = Message.objects.replies().get(conversation=conversation)
    filled = route.replace("<uuid:conversation_id>", str(conversation.pk))
    filled = filled.replace("<int:year>-<int:month>", "2026-11")
    if "<uuid:picture_id>" in filled:
        filled = filled.replace("<uuid:picture_id>", str(uploaded(conversation.owner).pk))
    filled = re.sub("<int:[a-z_]+>", str(reply.pk), filled).replace("<str:token>", "token")
    return "/" + filled.replace("(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)", "1-set-password")


def test_each_address_is_open_or_closed_on_purpose() -> None:
    assert set(ROUTES.values()) >= OPEN
    assert len(CLOSED) == 102


@pytest.mark.parametrize("route", CLOSED)
@pytest.mark.parametrize("method", ["get", "post"])
def test_whoever_is_not_signed_in_is_sent_to_sign_in(
    browser_of: Browser, conversation: Conversation, route: str, method: str
) -> None:
    before = Conversation.objects.values().get()

    answer = getattr(browser_of(None), method)(address(route, conversation))
    by_script = getattr(browser_of(None), method)(address(route, conversation), headers=HTMX)

    for given in (answer, by_script):
        assert given.status_code in (302, 401, 405)
        if given.status_code == 302:
            assert given["Location"].startswith("/accounts/login/?next=")
    assert Conversation.objects.values().get() == before


@pytest.mark.parametrize("route", CLOSED)
def test_whoever_was_switched_off_can_do_nothing(
    browser: Client, conversation: Conversation, ana: User, route: str
) -> None:
    User.objects.filter(pk=ana.pk).update(is_active=False)
    before = Conversation.objects.values().get()

    answer = browser.post(address(route, conversation))

    assert answer.status_code in (302, 401, 405)
    assert Conversation.objects.values().get() == before


@pytest.mark.parametrize(
    "route", [route for route, name in ROUTES.items() if name not in UNANSWERED]
)
@pytest.mark.parametrize("headers", [{}, HTMX, {"Origin": "https://evil.example"}])
def test_no_form_is_taken_without_its_token(
    ana: User, conversation: Conversation, route: str, headers: dict[str, str]
) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ana)
    before = Conversation.objects.values().get()

    answer = browser.post(address(route, conversation), headers=headers)

    assert answer.status_code in (403, 405)
    assert Conversation.objects.values().get() == before


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/accounts/login/", 302),
        ("/usage/", 200),
        ("/usage/days.csv", 200),
        ("/profile/", 200),
        ("/admin/", 302),
        ("/nothing/", 404),
        ("/healthz", 503),
    ],
)
def test_every_answer_has_the_headers_that_guard_it(
    browser: Client, path: str, status: int
) -> None:
    answer = browser.get(path)

    assert answer.status_code == status
    policy = answer["Content-Security-Policy"]
    # In another order in each process, so that any of them may be the last.
    assert "script-src 'self'" in policy.split("; ")
    assert "unsafe" not in policy
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"


def test_a_models_words_are_sent_as_words(browser: Client, conversation: Conversation) -> None:
    """A browser that guessed would run what is written like a script."""
    reply = Message.objects.replies().get(conversation=conversation)
    Message.objects.filter(pk=reply.pk).update(text="alert(1)")

    answer = browser.get(f"/c/{conversation.pk}/messages/{reply.pk}/text/")

    assert answer.content == b"alert(1)"
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("secure", [True, False])
def test_cookies_are_for_this_site_alone(
    ana: User, settings: Settings, client: Client, secure: bool
) -> None:
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = secure
    ana.set_password("a long enough password")
    ana.save()

    form = {"login": ana.email, "password": "a long enough password"}
    client.post("/accounts/login/", form)

    session, token = client.cookies["sessionid"], client.cookies["csrftoken"]
    assert (bool(session["secure"]), bool(token["secure"])) == (secure, secure)
    assert (session["samesite"], token["samesite"]) == ("Lax", "Lax")
    assert session["httponly"]


def test_what_was_said_of_a_deleted_chat_does_not_outlive_the_session(
    browser: Client, conversation: Conversation
) -> None:
    conversation.title = "About the xylophonist"
    conversation.save()
    answer = deleted(browser, conversation)

    browser.post("/accounts/logout/")
    after = browser.get("/accounts/login/")

    assert "messages" not in answer.cookies
    assert b"xylophonist" not in after.content


def deleted(browser: Client, conversation: Conversation) -> HttpResponseBase:
    Conversation.objects.filter(pk=conversation.pk).update(deleted_at="2026-01-01T00:00:00Z")
    browser.post(f"/c/{conversation.pk}/restore/")
    return browser.post(f"/c/{conversation.pk}/title/", {"title": conversation.title})


@pytest.mark.django_db
def test_rights_that_were_taken_away_are_gone_at_the_next_request(browser_of: Browser) -> None:
    zoe = make_user("zoe", is_staff=True, is_superuser=True)
    browser = browser_of(zoe)
    assert [browser.get(path).status_code for path in ("/usage/team/", "/admin/")] == [200, 200]

    User.objects.filter(pk=zoe.pk).update(is_staff=False, is_superuser=False)

    assert [browser.get(path).status_code for path in ("/usage/team/", "/admin/")] == [404, 302]
    assert browser.get("/admin/login/").status_code == 403


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_cursor_at_the_end_of_time_is_none(
    browser: Client, conversation: Conversation, moment: str
) -> None:
    answer = browser.get("/conversations/", {"before": f"{moment}_{conversation.pk}"})

    assert answer.status_code == 200


def test_a_number_of_thousands_of_digits_is_out_of_range(
    browser: Client, conversation: Conversation
) -> None:
    form = {"model": "Gemini-3.0-pro", "max_tokens": "9" * 5000}

    answer = browser.post(f"/c/{conversation.pk}/settings/", form)

    assert answer.status_code == 422
