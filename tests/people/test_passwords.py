"""Forgotten and changed passwords."""

import logging
import re
import threading
from urllib.parse import urlsplit

import pytest
from django.core.mail import EmailMessage
from django.test import Client
from django.utils.translation import get_language
from pytest_django import Settings

from chat.domain import accounts
from chat.models import User
from tests.people.conftest import PASSWORD, SignIn, is_signed_in

RESET = "/accounts/password/reset/"
CHANGE = "/accounts/password/change/"
BETTER = "an even better staple"
Mails = list[EmailMessage]


def ask_for_reset(email: str, client: Client | None = None) -> tuple[int, str]:
    """What is answered, once the mail that may follow from it is on its way."""
    answer = (client or Client()).post(RESET, {"email": email})
    wait_for_mail()
    return answer.status_code, answer.headers.get("Location", "")


def wait_for_mail() -> None:
    for thread in threading.enumerate():
        if thread.name == "mail":
            thread.join(timeout=20)


def link_in(mail: EmailMessage) -> str:
    found = re.search(r"https?://\S+/accounts/password/reset/key/\S+", str(mail.body))
    assert found, mail.body
    return found[0]


def set_password(client: Client, link: str, password: str = BETTER) -> int:
    """Follow the link as a browser does: it leads to a page without the key in its address."""
    page = client.get(urlsplit(link).path)
    if page.status_code != 302:
        assert page.context["token_fail"]
        return 0
    answer = client.post(page["Location"], {"password1": password, "password2": password})
    return answer.status_code


def test_a_reset_comes_by_mail_and_works(ben: User, client: Client, mailoutbox: Mails) -> None:
    ask_for_reset("BEN@example.org")

    assert [mail.to for mail in mailoutbox] == [["ben@example.org"]]
    assert set_password(client, link_in(mailoutbox[0])) == 302
    ben.refresh_from_db()
    assert ben.check_password(BETTER)


def test_a_reset_works_once(ben: User, client: Client, mailoutbox: Mails) -> None:
    ask_for_reset(ben.email)
    link = link_in(mailoutbox[0])
    set_password(client, link)

    assert set_password(Client(), link, "a third password here") == 0
    ben.refresh_from_db()
    assert ben.check_password(BETTER)


def test_a_reset_ends_the_sessions_there_are(ben: User, sign_in: SignIn, mailoutbox: Mails) -> None:
    browser = sign_in(ben)
    ask_for_reset(ben.email)

    before = is_signed_in(browser)
    set_password(Client(), link_in(mailoutbox[0]))

    assert before
    assert not is_signed_in(browser)


def test_a_weak_password_is_refused_by_a_reset(
    ben: User, client: Client, mailoutbox: Mails
) -> None:
    ask_for_reset(ben.email)

    assert set_password(client, link_in(mailoutbox[0]), "ben@example.org") == 200
    ben.refresh_from_db()
    assert ben.check_password(PASSWORD)


def test_the_link_is_of_the_public_address_whatever_the_request_says(
    ben: User, settings: Settings, mailoutbox: Mails
) -> None:
    settings.PUBLIC_URL = "https://chat.example.org"

    ask_for_reset(ben.email, Client(headers={"Host": "localhost:1"}))

    assert link_in(mailoutbox[0]).startswith("https://chat.example.org/accounts/")


def test_a_reset_tells_nobody_who_is_here(ben: User, mailoutbox: Mails) -> None:
    known, unknown = ask_for_reset(ben.email), ask_for_reset("eve@example.org")

    assert known == unknown == (302, "/accounts/password/reset/done/")
    assert [mail.to for mail in mailoutbox] == [["ben@example.org"]]


def test_a_mail_server_that_fails_tells_nobody_either(
    ben: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object) -> None:
        raise ConnectionRefusedError("no mail server here")

    monkeypatch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", fail)

    with caplog.at_level(logging.ERROR):
        known, unknown = ask_for_reset(ben.email), ask_for_reset("eve@example.org")

    assert known == unknown == (302, "/accounts/password/reset/done/")
    assert "no mail server here" in caplog.text
    assert ben.email not in caplog.text


def test_the_answer_does_not_wait_for_the_mail_server(
    ben: User, monkeypatch: pytest.MonkeyPatch, mailoutbox: Mails
) -> None:
    answered = threading.Event()
    in_time: list[bool] = []
    monkeypatch.setattr(
        "django.core.mail.backends.locmem.EmailBackend.send_messages",
        lambda *args: in_time.append(answered.wait(timeout=20)),
    )

    Client().post(RESET, {"email": ben.email})
    answered.set()
    wait_for_mail()

    assert in_time == [True]


def test_resets_of_one_address_are_limited(ben: User, mailoutbox: Mails) -> None:
    answers = [
        ask_for_reset(ben.email, Client(REMOTE_ADDR=f"192.0.2.{number}")) for number in range(6)
    ]

    assert [status for status, _ in answers] == [302] * 5 + [429]
    assert len(mailoutbox) == 5


@pytest.mark.parametrize(("language", "subject"), [("es", "es"), ("", "en")])
def test_the_mail_speaks_its_readers_language(
    ben: User, mailoutbox: Mails, monkeypatch: pytest.MonkeyPatch, language: str, subject: str
) -> None:
    monkeypatch.setattr(
        "chat.adapters.DefaultAccountAdapter.format_email_subject", _language_as_subject
    )
    User.objects.filter(pk=ben.pk).update(language=language)

    ask_for_reset(ben.email, Client(headers={"Accept-Language": "en"}))

    assert mailoutbox[0].subject == subject


def _language_as_subject(adapter: object, subject: str) -> str:
    return str(get_language())


def test_changing_a_password_keeps_this_session_and_ends_the_others(
    ben: User, sign_in: SignIn
) -> None:
    here, elsewhere = sign_in(ben), sign_in(ben)

    answer = change(here)

    assert answer == (302, "/profile/")
    assert is_signed_in(here)
    assert not is_signed_in(elsewhere)
    ben.refresh_from_db()
    assert ben.check_password(BETTER)


def test_a_changed_password_is_said_once_in_our_words(ben: User, sign_in: SignIn) -> None:
    browser = sign_in(ben)

    change(browser)

    said = [str(message) for message in browser.get("/profile/").context["messages"]]
    assert said == ["Your password is changed."]


@pytest.mark.parametrize(
    "form",
    [
        {"oldpassword": "wrong"},
        {"password1": "short", "password2": "short"},
        {"password2": "another one altogether"},
    ],
)
def test_a_password_that_cannot_be_changed_stays(
    ben: User, sign_in: SignIn, form: dict[str, str]
) -> None:
    status, _ = change(sign_in(ben), **form)

    assert status == 200
    ben.refresh_from_db()
    assert ben.check_password(PASSWORD)


def change(browser: Client, **form: str) -> tuple[int, str]:
    whole = {"oldpassword": PASSWORD, "password1": BETTER, "password2": BETTER} | form
    answer = browser.post(CHANGE, whole)
    return answer.status_code, answer.headers.get("Location", "")


def test_setting_a_password_does_not_undo_that_somebody_was_switched_off(ben: User) -> None:
    meanwhile = User.objects.get(pk=ben.pk)
    accounts.switch_off(user=meanwhile)

    accounts.set_password(user=ben, password=BETTER)

    ben.refresh_from_db()
    assert not ben.is_active
    assert ben.check_password(BETTER)
