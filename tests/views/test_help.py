"""The help tells the truth about what leaves this server, and everybody is told of it once."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

from django.test import Client
from pytest_django import Settings

from chat.completions.families import FAMILIES, PLAIN, Family, family_of
from chat.completions.request import ImagePart, encode
from chat.domain import prompts
from chat.domain.parameters import Parameters
from chat.generation.service import Service
from chat.models import Attachment, Conversation, User
from chat.views.help import SENT
from tests.factories import make_conversation
from tests.upstream.process import Upstream
from tests.views.conftest import HTMX, Browser, messages_of, page_of, sealed, send

SAID = [
    SimpleNamespace(role="user", text="A question", reasoning=""),
    SimpleNamespace(role="assistant", text="An answer", reasoning="A thought"),
    SimpleNamespace(role="user", text="Another", reasoning=""),
]
for number, said in enumerate(SAID):
    said.pk = number
PICTURE = Attachment(sha256="0", content_type="image/png", size=1, alt="A heron")
NOTICE, PUT_AWAY = 'class="notices__item introduction"', "/help/read/"


def names_in(value: Any) -> Iterator[str]:
    """Of every field, at any depth."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    for each in value if isinstance(value, list) else []:
        yield from names_in(each)


def model_of(family: Family) -> str:
    """One that its pattern matches."""
    pattern = re.sub(r"\[(.)[^]]*\]", r"\1", family.models)
    return pattern.replace(r"\.", ".").replace(".*", "x")


def test_the_fields_that_are_listed_are_those_that_are_sent() -> None:
    models = [model_of(family) for family in FAMILIES] + ["any other"]
    assert [family_of(model) for model in models] == [*FAMILIES, PLAIN]
    settings = Parameters(stream=True, max_tokens=9, temperature=0.5, top_p=0.5, top_k=5)

    sent: set[str] = set()
    for model in models:
        conversation = Conversation(system_prompt="Be", parameters=settings.to_json())
        pictures = {0: (PICTURE,)} if family_of(model).images is not False else None
        request = prompts.build(
            conversation, model=model, path=SAID, pictures=pictures, begun="So", thought="Hm"
        ).with_files(lambda _: ImagePart("data:image/png;base64,AAAA"))
        sent |= {*names_in(json.loads(encode(request, include_usage=True)))}

    listed = [name for names, _ in SENT for name in names]
    assert sorted(listed) == sorted(sent)


def test_one_request_goes_for_a_message_and_says_nothing_of_who_sent_it(
    service: Service, browser: Client, ana: User, upstream: Upstream
) -> None:
    User.objects.filter(pk=ana.pk).update(display_name="Ana Prieto", cost_centre="Marketing-7")
    conversation = make_conversation(ana)

    send(browser, "A question", to=messages_of(conversation))
    sealed(conversation)

    [request] = upstream.requests
    said = json.dumps([request.headers, request.body])
    for unsaid in (ana.email, "Prieto", "Marketing-7", str(conversation.pk), conversation.title):
        assert unsaid not in said
    assert request.headers["user-agent"] == "evoweb"


def test_the_help_names_the_service_and_the_models_that_are_set(
    browser: Client, settings: Settings
) -> None:
    settings.EVOLINK_BASE_URL = "https://models.example.org/v1"
    settings.MODELS = ("first", "second")

    page = page_of(browser.get("/help/"))

    for words in ("models.example.org", "first, second", 'id="leaves"', 'id="keys"', "top_p"):
        assert words in page


def test_where_the_demonstration_model_answers_nothing_leaves(
    browser: Client, settings: Settings
) -> None:
    settings.IS_DEMONSTRATION, settings.EVOLINK_BASE_URL = True, "https://models.example.org"

    for page in ("/help/", "/"):
        shown = page_of(browser.get(page))
        assert "models.example.org" not in shown
        assert "small" in shown


def test_who_answers_is_told_until_it_is_put_away_and_then_in_a_quiet_line(
    browser: Client, browser_of: Browser, ben: User
) -> None:
    assert NOTICE in page_of(browser.get("/"))

    assert browser.post(PUT_AWAY, headers=HTMX).status_code == 200

    page = page_of(browser.get("/"))
    assert NOTICE not in page
    assert page.count("What leaves this server") == 1
    bens = browser_of(ben)
    assert NOTICE in page_of(bens.get("/"))
    answer = bens.post(PUT_AWAY, {"next": "https://evil.example/"})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert NOTICE not in page_of(bens.get("/"))


def test_when_it_was_put_away_stays(browser: Client, ana: User) -> None:
    browser.post(PUT_AWAY)
    ana.refresh_from_db()
    before = ana.introduced_at

    browser.post(PUT_AWAY)

    ana.refresh_from_db()
    assert before is not None
    assert ana.introduced_at == before
