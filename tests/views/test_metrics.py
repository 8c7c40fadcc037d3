"""The page of metrics: whom it answers, what it holds, and what it must not hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.http import HttpResponseBase
from django.test import Client
from pytest_django import Settings

from chat.domain import turns
from chat.generation.service import Service
from chat.models import Conversation, User
from tests.metrics import Added, names, read_page
from tests.upstream.process import Upstream
from tests.views.conftest import HTMX, Browser, messages_of, page_of, sealed, send

TOKEN = "a-token-of-the-operator"


@pytest.fixture
def token(settings: Settings) -> str:
    settings.METRICS_TOKEN = TOKEN
    return TOKEN


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_whoever_has_the_token_reads_the_metrics(db: None, token: str) -> None:
    answer = Client().get("/metrics", headers=bearer(token))

    page = read_page(page_of(answer))
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")
    assert answer["Cache-Control"] == "no-store"
    assert ("evoweb_replies_running", frozenset()) in page
    assert page["process_resident_memory_bytes", frozenset()] > 1_000_000


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN.upper()}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer ñ",
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_for_everybody_else_there_is_no_such_page(
    db: None, token: str, header: str | None, method: str
) -> None:
    headers = {} if header is None else {"Authorization": header}
    stranger = Client(enforce_csrf_checks=True)

    refused = getattr(stranger, method)("/metrics", headers=headers)
    nothing = getattr(stranger, method)("/nothing", headers=headers)

    assert refused.status_code == nothing.status_code == 404
    assert _timeless(refused) == _timeless(nothing)
    assert refused.headers == nothing.headers


def test_the_token_opens_it_for_reading_alone(db: None, token: str) -> None:
    assert (
        Client(enforce_csrf_checks=True).post("/metrics", headers=bearer(token)).status_code == 404
    )


@pytest.mark.parametrize("header", ["Bearer ", "Bearer None", f"Bearer {TOKEN}"])
def test_without_a_token_set_nobody_reads_them(
    browser_of: Browser, ana: User, settings: Settings, header: str
) -> None:
    ana.is_staff = ana.is_superuser = True
    ana.save()
    settings.METRICS_TOKEN = ""

    for browser in (browser_of(None), browser_of(ana)):
        assert browser.get("/metrics", headers={"Authorization": header}).status_code == 404


def test_the_database_is_not_asked(db: None, token: str, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        answer = Client().get("/metrics", headers=bearer(token))

    assert answer.status_code == 200


def test_refused_sends_are_counted_by_reason(
    service: Service,
    browser: Client,
    conversation: Conversation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turns, "LONGEST_CONVERSATION", 1)
    since = Added()

    with_script = send(browser, "Second", to=messages_of(conversation), headers=HTMX)
    without = send(browser, "Third", to=messages_of(conversation))

    assert (with_script.status_code, without.status_code) == (413, 413)
    assert since.to("evoweb_sends_refused_total", reason="conversation_full") == 2


def test_a_draining_process_and_a_model_that_is_gone_are_reasons_too(
    browser: Client, conversation: Conversation
) -> None:
    since = Added()

    send(browser, "First", to=messages_of(conversation))
    Conversation.objects.filter(pk=conversation.pk).update(model="gone")
    send(browser, "Second", to=messages_of(conversation))

    assert since.to("evoweb_sends_refused_total", reason="not_serving") == 1
    assert since.to("evoweb_sends_refused_total", reason="outdated_model") == 1


def test_no_word_and_no_id_of_anybody_is_in_them(
    token: str, service: Service, browser: Client, conversation: Conversation, upstream: Upstream
) -> None:
    upstream.says("Saffron")
    send(browser, "Crocus", to=messages_of(conversation))
    sealed(conversation)

    page = page_of(Client().get("/metrics", headers=bearer(token)))

    for words in ("Saffron", "Crocus", conversation.title, "ana", str(conversation.pk)):
        assert words not in page
    labels = {name for _name, labels in read_page(page) for name, _value in labels}
    assert labels == {"state", "code", "reason", "le"}


def test_the_page_for_operators_names_every_metric_and_no_other() -> None:
    text = Path("docs/operating.md").read_text()
    named = set(re.findall(r"^\| `(evoweb_\w+)`", text, re.MULTILINE))
    everywhere = {name for name in named if "_pool_" not in name}

    assert everywhere == {name for name in names() if "_pool_" not in name}
    assert len(everywhere) == 10


def _timeless(answer: HttpResponseBase) -> str:
    """The page without the moment at which it was made."""
    return re.sub(r'"\d{10}"', "", page_of(answer))
