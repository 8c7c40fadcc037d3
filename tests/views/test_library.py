"""The library of prompts: whose they are, their pages, and how one comes into a composer."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.utils import timezone

from chat.models import Conversation, SavedPrompt, User
from tests.factories import make_conversation, make_prompt, make_user
from tests.views.conftest import HTMX, Browser, page_of, text_in_composer, words_of
from tests.views.test_deeds import errors, flashes

TEXT = "Translate into {{ language }}, for {{reader}}: {{text to translate}} ({{language}})"


@pytest.fixture
def boss(db: None) -> User:
    return make_user("boss", is_staff=True, is_superuser=True)


def save(browser: Client, to: str = "/prompts/new/", **fields: str) -> HttpResponseBase:
    return browser.post(to, {"name": "minutes", "title": "", "text": "Summarise this.", **fields})


def listed(answer: HttpResponseBase) -> list[str]:
    found = re.findall(r"<h3 .*?</h3>|<h2 class=\"presets.*?</h2>", page_of(answer), re.S)
    return [words_of(one) for one in found]


def offered(browser: Client) -> list[str]:
    """What the composer lists."""
    page = page_of(browser.get("/prompts/", headers=HTMX))
    return [words_of(one) for one in re.findall(r"<li .*?</li>", page, re.S)]


# What a variable is


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("Plain", []),
        (TEXT, ["language", "reader", "text to translate"]),
        ("{{a}}{{b}} {{ a }}", ["a", "b"]),
        ("{{ año }} {{x_1-y}}", ["año", "x_1-y"]),
        ("{{}} {{ }} {{1}} {{ 1|add:1 }} {x} { {x} } {{x} {{_x}} {{a.b}} {{a\nb}}", []),
        ("{{{x}}}", ["x"]),
        ("{{" + "x" * 40 + "}}", ["x" * 40]),
        ("{{" + "x" * 41 + "}}", []),
        ("{{ x" + " " * 20_000 + "{{ y }}", ["y"]),
    ],
)
def test_a_variable_is_a_name_in_double_braces(text: str, variables: list[str]) -> None:
    assert SavedPrompt(text=text).variables == variables


def test_values_are_put_in_everywhere_and_never_looked_into() -> None:
    prompt = SavedPrompt(text="{{ a }} and {{b}}, {{a}}{{c}}. {{ 1 }} \\1")

    filled = prompt.filled({"a": "{{b}}", "b": r"\g<0>"})

    assert filled == r"{{b}} and \g<0>, {{b}}. {{ 1 }} \1"


# Whose they are


def test_one_uses_ones_own_and_the_shared_and_nobody_elses(
    browser: Client, ana: User, ben: User
) -> None:
    for owner, name in ((ana, "mine"), (None, "all"), (ben, "bens")):
        make_prompt(owner, name)
    make_prompt(ana, "gone", deleted_at=timezone.now())

    answer = browser.get("/prompts/")

    assert listed(answer) == ["Yours", "/mine", "Shared with everybody", "/all"]
    assert [one.split()[0] for one in offered(browser)] == ["/mine", "/all"]


def test_what_is_anothers_or_deleted_is_not_there(browser: Client, ana: User, ben: User) -> None:
    bens, shared = make_prompt(ben), make_prompt(None)
    gone = make_prompt(ana, deleted_at=timezone.now())

    for prompt in (bens, gone):
        for method in (browser.get, browser.post):
            assert method(f"/prompts/{prompt.pk}/").status_code == 404
            assert method(f"/prompts/{prompt.pk}/use/").status_code == 404
        assert browser.post(f"/prompts/{prompt.pk}/delete/").status_code == 404
    assert browser.post(f"/prompts/{bens.pk}/restore/").status_code == 404
    # What is shared is used by everybody, and changed by administrators alone.
    assert browser.get(f"/prompts/{shared.pk}/use/").status_code == 200
    for method, deed in ((browser.get, ""), (browser.post, ""), (browser.post, "delete/")):
        assert method(f"/prompts/{shared.pk}/{deed}").status_code == 404
    assert SavedPrompt.objects.filter(deleted_at=None).count() == 2


def test_only_an_administrator_shares(browser_of: Browser, ana: User, boss: User) -> None:
    save(browser_of(ana), name="anas", is_shared="on")
    save(browser_of(boss), name="all", is_shared="on")

    assert SavedPrompt.objects.get(name="anas").owner == ana
    shared = SavedPrompt.objects.get(name="all")
    assert shared.is_shared
    assert "is_shared" not in page_of(browser_of(ana).get("/prompts/new/"))
    page = page_of(browser_of(boss).get(f"/prompts/{shared.pk}/"))
    assert re.search(r'name="is_shared"[^>]* checked', page)
    assert not re.search(
        r'name="is_shared"[^>]* checked', page_of(browser_of(boss).get("/prompts/new/"))
    )


# Its pages


def test_an_empty_library_says_how_to_begin(browser: Client) -> None:
    assert "There are none yet." in words_of(page_of(browser.get("/prompts/")))
    assert "There are no prompts yet. Make a prompt" in words_of(
        page_of(browser.get("/prompts/", headers=HTMX))
    )


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_costs_the_same_queries_however_long(
    browser: Client, ana: User, count: int, django_assert_num_queries: Any
) -> None:
    for number in range(count):
        make_prompt(ana, f"mine{number}")
        make_prompt(None, f"all{number}")

    with django_assert_num_queries(5):
        assert len(listed(browser.get("/prompts/"))) == 2 + 2 * count


def test_a_prompt_is_made_and_changed(browser: Client, ana: User) -> None:
    answer = save(browser, name="/Minutes-2", title="Minutes", text=f" {TEXT}\r\nEnd")

    prompt = SavedPrompt.objects.get()
    assert answer.status_code == 302
    assert (prompt.owner, prompt.name, prompt.title) == (ana, "minutes-2", "Minutes")
    assert prompt.text == f"{TEXT}\nEnd"
    assert flashes(browser.get("/prompts/")) == ["“minutes-2” is saved."]
    assert "minutes-2" in page_of(browser.get(f"/prompts/{prompt.pk}/"))
    save(browser, f"/prompts/{prompt.pk}/", name="reseña", text="Other")
    prompt.refresh_from_db()
    assert (prompt.name, prompt.title, prompt.text) == ("reseña", "", "Other")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "two words", "Use letters, digits"),
        ("name", "-x", "Use letters, digits"),
        ("name", "/", "Use letters, digits"),
        ("name", "", "required"),
        ("name", "TAKEN", "One of your prompts has this name already."),
        ("text", " ", "required"),
        ("text", "".join(f"{{{{v{n}}}}}" for n in range(11)), "up to 10 variables"),
        ("text", "x" * 50_001, "at most 50000 characters"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(
    browser: Client, ana: User, field: str, value: str, words: str
) -> None:
    make_prompt(ana, "taken")

    answer = save(browser, title="My title", **{field: value})

    assert answer.status_code == 422
    assert words in errors(page_of(answer), field)
    assert "My title" in page_of(answer)
    assert SavedPrompt.objects.count() == 1


def test_a_prompt_that_was_deleted_can_be_taken_back(browser: Client, ana: User) -> None:
    prompt = make_prompt(ana)

    browser.post(f"/prompts/{prompt.pk}/delete/")
    assert "“minutes” is deleted." in " ".join(flashes(browser.get("/prompts/")))
    assert offered(browser) == []
    browser.post(f"/prompts/{prompt.pk}/restore/")

    assert offered(browser) == ["/minutes Summarise this."]


# Putting one to use


def test_its_page_asks_for_what_it_leaves_open_and_fills_the_composer_of_a_new_chat(
    browser: Client, ana: User
) -> None:
    prompt = make_prompt(ana, text=TEXT)
    page = words_of(page_of(browser.get(f"/prompts/{prompt.pk}/use/")))
    assert "language reader text to translate" in page

    values = {"value0": "Spanish", "value1": "", "value2": "Hello\r\nyou"}
    answer = browser.post(f"/prompts/{prompt.pk}/use/", values)

    assert (answer.status_code, answer["Location"]) == (302, "/")
    filled = "Translate into Spanish, for : Hello\nyou (Spanish)"
    assert text_in_composer(browser.get("/")) == filled
    # What stands there stays.
    browser.post(f"/prompts/{prompt.pk}/use/", {"value0": "Basque"})
    assert (
        text_in_composer(browser.get("/")) == f"{filled}\n\nTranslate into Basque, for :  (Basque)"
    )


def test_it_fills_the_composer_of_the_chat_that_is_named_if_that_is_theirs(
    browser: Client, ana: User, ben: User, conversation: Conversation
) -> None:
    prompt = make_prompt(None, text="Go on.")
    address = f"/prompts/{prompt.pk}/use/?conversation="

    answer = browser.post(f"{address}{conversation.pk}")

    assert answer["Location"] == f"/c/{conversation.pk}/"
    assert text_in_composer(browser.get(f"/c/{conversation.pk}/")) == "Go on."
    assert text_in_composer(browser.get("/")) == ""
    for other in (make_conversation(ben).pk, uuid.uuid4()):
        assert browser.get(f"{address}{other}").status_code == 404
        assert browser.post(f"{address}{other}").status_code == 404
    assert browser.get(f"{address}x").status_code == 200


def test_what_leaves_no_room_is_told(browser: Client, ana: User) -> None:
    prompt = make_prompt(ana)
    browser.post("/draft/", {"text": "x" * 199_990, "version": str(uuid.uuid4())})

    browser.post(f"/prompts/{prompt.pk}/use/")

    page = browser.get("/")
    assert "leaves no room for this prompt" in flashes(page)[0]
    assert len(text_in_composer(page)) == 199_990


def test_to_the_script_it_gives_the_form_and_then_the_text(browser: Client, ana: User) -> None:
    prompt = make_prompt(ana, text="<b>{{who}}</b>")
    address = f"/prompts/{prompt.pk}/use/"

    form = browser.get(address, headers=HTMX)
    assert page_of(form).lstrip().startswith("<form")
    text = browser.post(address, {"value0": "<script>"}, headers=HTMX)

    assert text["Content-Type"] == "text/plain; charset=utf-8"
    assert page_of(text) == "<b><script></b>"
    long = browser.post(address, {"value0": "x" * 10_001}, headers=HTMX)
    assert (long.status_code, page_of(long).lstrip()[:5]) == (422, "<form")
    assert text_in_composer(browser.get("/")) == ""


def test_what_somebody_wrote_cannot_break_out_of_a_page(browser: Client, ana: User) -> None:
    nasty = '"><script>alert(1)</script>'
    prompt = make_prompt(ana, title=nasty, text=nasty)

    for address in ("/prompts/", f"/prompts/{prompt.pk}/", f"/prompts/{prompt.pk}/use/"):
        for headers in ({}, HTMX):
            assert "<script>alert" not in page_of(browser.get(address, headers=headers))
