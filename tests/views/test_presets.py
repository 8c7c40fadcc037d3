"""Presets on their pages, and chats that begin with one."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.utils import timezone

from chat.domain import presets
from chat.generation.service import Service
from chat.models import Conversation, Preset, User
from tests.factories import make_conversation, make_preset, make_user
from tests.upstream.process import Upstream
from tests.views.conftest import Browser, page_of, send, words_of
from tests.views.test_deeds import errors, flashes

GONE = "a-model-that-left"


@pytest.fixture
def boss(db: None) -> User:
    return make_user("boss", is_staff=True, is_superuser=True)


@pytest.fixture
def kind(ana: User) -> Preset:
    return make_preset(
        ana, model="gemini-2.5-pro", system_prompt="Be kind.", parameters={"temperature": 0.2}
    )


def save(browser: Client, to: str = "/presets/new/", **fields: str) -> HttpResponseBase:
    return browser.post(to, {"name": "Kind", "model": "Gemini-3.0-pro", "stream": "on", **fields})


def headings(answer: HttpResponseBase) -> list[str]:
    found = re.findall(r"<h3 .*?</h3>|<h2 class=\"presets.*?</h2>", page_of(answer), re.S)
    return [words_of(one) for one in found]


def shown(answer: HttpResponseBase) -> dict[str, str]:
    """With what the page of a new chat would begin it."""
    page = page_of(answer)
    model = re.search(r'<option value="([^"]+)" selected', page)
    prompt = re.search(r'<textarea name="system_prompt".*?>\n(.*?)</textarea>', page, re.S)
    temperature = re.search(r'name="temperature" (?:value="([^"]*)")?', page)
    preset = re.search(r'name="preset" value="(\d*)"', page)
    found = {"model": model, "system_prompt": prompt, "temperature": temperature, "preset": preset}
    return {name: one[1] or "" if one else "absent" for name, one in found.items()}


def dock(answer: HttpResponseBase) -> list[str]:
    return [
        words_of(words)
        for words in re.findall(r'<p class="dock__notice">(.*?)</p>', page_of(answer), re.S)
    ]


# Its pages


def test_an_empty_list_says_what_could_be_there(browser: Client) -> None:
    page = words_of(page_of(browser.get("/presets/")))

    assert "There are none yet." in page
    assert "No preset" not in words_of(page_of(browser.get("/")))


def test_ones_own_and_the_shared_are_listed_apart(browser: Client, ana: User, ben: User) -> None:
    for owner, name in ((ana, "Mine"), (None, "All"), (ben, "Bens")):
        make_preset(owner, name)

    answer = browser.get("/presets/")

    assert headings(answer) == ["Yours", "Mine", "Shared with everybody", "All"]


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_costs_the_same_queries_however_long(
    browser: Client, ana: User, count: int, django_assert_num_queries: Any
) -> None:
    for number in range(count):
        make_preset(ana, f"Mine {number}")
        make_preset(None, f"All {number}")

    with django_assert_num_queries(5):
        assert len(headings(browser.get("/presets/"))) == 2 + 2 * count


def test_a_preset_is_made_with_all_that_a_chat_can_be_set_to(browser: Client, ana: User) -> None:
    answer = save(browser, system_prompt="Be kind.", temperature="0.2")

    preset = Preset.objects.get()
    assert answer.status_code == 302
    assert (preset.owner, preset.name, preset.model) == (ana, "Kind", "Gemini-3.0-pro")
    assert (preset.system_prompt, preset.parameters) == ("Be kind.", {"temperature": 0.2})
    listed = browser.get("/presets/")
    assert flashes(listed) == ["“Kind” is saved."]
    assert "Temperature: 0.2" in words_of(page_of(listed))


def test_a_preset_is_made_of_what_a_chat_has(browser: Client, ana: User, ben: User) -> None:
    mine = make_conversation(ana, system_prompt="Be brief.", parameters={"top_k": 7})
    bens = make_conversation(ben, title="Of Ben", system_prompt="Be rude.")
    address = f"/presets/new/?from={mine.pk}"

    assert address in page_of(browser.get(f"/c/{mine.pk}/"))
    page = page_of(browser.get(address))
    assert "Be brief." in page
    assert 'name="top_k" value="7"' in page
    for other in (bens.pk, uuid.uuid4()):
        assert browser.get(f"/presets/new/?from={other}").status_code == 404
    assert browser.get("/presets/new/?from=x").status_code == 200


def test_what_is_wrong_is_said_and_what_was_typed_is_kept(browser: Client, ana: User) -> None:
    make_preset(ana, "kind")

    taken = save(browser, system_prompt="Be kind.")
    nameless = save(browser, name=" ", temperature="3")

    assert (taken.status_code, nameless.status_code) == (422, 422)
    words = "One of your presets has this name already. Choose another."
    assert errors(page_of(taken), "name") == words
    assert "Be kind." in page_of(taken)
    assert "from 0 to 2" in errors(page_of(nameless), "temperature")
    assert Preset.objects.count() == 1


def test_a_preset_is_changed_and_chats_that_began_with_it_are_not(
    browser: Client, ana: User, kind: Preset
) -> None:
    conversation = presets.begin(kind, owner=ana)
    conversation.save()
    page = page_of(browser.get(f"/presets/{kind.pk}/"))
    assert 'value="Kind"' in page
    assert "Be kind." in page

    answer = save(browser, f"/presets/{kind.pk}/", name="Rude", system_prompt="Be rude.")

    kind.refresh_from_db()
    conversation.refresh_from_db()
    assert answer.status_code == 302
    assert (kind.name, kind.system_prompt, kind.parameters) == ("Rude", "Be rude.", {})
    assert (conversation.system_prompt, conversation.model) == ("Be kind.", "gemini-2.5-pro")


def test_a_deleted_preset_can_be_taken_back(browser: Client, kind: Preset) -> None:
    browser.post(f"/presets/{kind.pk}/delete/")
    listed = browser.get("/presets/")
    assert flashes(listed) == ["“Kind” is deleted."]
    assert headings(listed) == []
    assert f'action="/presets/{kind.pk}/restore/"' in page_of(listed)
    assert browser.get(f"/presets/{kind.pk}/").status_code == 404

    browser.post(f"/presets/{kind.pk}/restore/")

    assert headings(browser.get("/presets/")) == ["Yours", "Kind"]


def test_a_deleted_preset_whose_name_is_taken_says_so_and_can_still_come_back(
    browser: Client, ana: User, kind: Preset
) -> None:
    browser.post(f"/presets/{kind.pk}/delete/")
    other = make_preset(ana, "KIND")

    browser.post(f"/presets/{kind.pk}/restore/")

    listed = browser.get("/presets/")
    assert "There is another “Kind” by now." in flashes(listed)[-1]
    assert f'action="/presets/{kind.pk}/restore/"' in page_of(listed)
    other.delete()
    browser.post(f"/presets/{kind.pk}/restore/")
    assert headings(browser.get("/presets/")) == ["Yours", "Kind"]


# Who may


@pytest.mark.parametrize("deed", ["", "delete/", "restore/"])
@pytest.mark.parametrize("whose", ["ana", "all"])
def test_nobody_but_who_may_changes_a_preset(
    browser_of: Browser, ana: User, ben: User, boss: User, whose: str, deed: str
) -> None:
    moment = timezone.now() if deed == "restore/" else None
    preset = make_preset(ana if whose == "ana" else None, deleted_at=moment)
    to = f"/presets/{preset.pk}/{deed}"
    before = Preset.objects.values().get()
    may = {"ana": ana, "all": boss}[whose]

    for person in {ana, ben, boss} - {may}:
        assert save(browser_of(person), to, name="Taken").status_code == 404
        assert browser_of(person).get(to).status_code == (405 if deed else 404)
        assert Preset.objects.values().get() == before

    assert save(browser_of(may), to, name="Taken").status_code == 302
    assert Preset.objects.values().get() != before


def test_administrators_share_and_others_cannot(browser_of: Browser, ana: User, boss: User) -> None:
    save(browser_of(ana), is_shared="on")
    save(browser_of(boss), is_shared="on")

    assert "is_shared" not in page_of(browser_of(ana).get("/presets/new/"))
    assert "is_shared" in page_of(browser_of(boss).get("/presets/new/"))
    assert [preset.owner for preset in Preset.objects.order_by("pk")] == [ana, None]
    again = save(browser_of(boss), is_shared="on")
    assert errors(page_of(again), "name").startswith("A shared preset has this name already.")
    to = f"/presets/{Preset.objects.get(owner=None).pk}/"
    assert to not in page_of(browser_of(ana).get("/presets/"))
    assert to in page_of(browser_of(boss).get("/presets/"))


def test_the_default_is_one_that_a_person_may_use(
    browser: Client, ana: User, ben: User, kind: Preset
) -> None:
    bens, shared = make_preset(ben), make_preset(None)

    for preset in (kind, shared):
        assert browser.post("/presets/default/", {"preset": preset.pk}).status_code == 302
        ana.refresh_from_db()
        assert ana.default_preset == preset
    for wrong in (bens.pk, 0, "x", "²", "9" * 5000):
        assert browser.post("/presets/default/", {"preset": wrong}).status_code == 404
    ana.refresh_from_db()
    assert ana.default_preset == shared

    browser.post("/presets/default/", {"preset": ""})
    ana.refresh_from_db()
    assert ana.default_preset is None


# Chats that begin with one


def test_a_new_chat_shows_what_the_preset_sets(browser: Client, kind: Preset) -> None:
    answer = browser.get(f"/?preset={kind.pk}&text=Hello")

    assert shown(answer) == {
        "model": "gemini-2.5-pro",
        "system_prompt": "Be kind.",
        "temperature": "0.2",
        "preset": str(kind.pk),
    }
    assert f"&amp;preset={kind.pk}" in page_of(answer)


def test_the_default_holds_where_nothing_else_is_asked_for(
    browser: Client, ana: User, kind: Preset
) -> None:
    presets.choose_default(kind, user=ana)
    other = make_preset(None, "Other", system_prompt="Be other.")

    prompts = [
        shown(browser.get(path))["system_prompt"]
        for path in ("/", "/?preset=", f"/?preset={other.pk}")
    ]

    assert prompts == ["Be kind.", "", "Be other."]


def test_whose_preset_is_not_there_begins_without_one_and_is_told(
    browser: Client, ana: User, ben: User, kind: Preset
) -> None:
    presets.choose_default(kind, user=ana)
    bens = make_preset(ben, "Bens", system_prompt="A secret.")
    gone = make_preset(ana, "Gone", deleted_at=timezone.now())

    for wrong in (bens.pk, gone.pk, 999999, "x", "9" * 5000):
        answer = browser.get("/", {"preset": wrong})
        assert shown(answer)["system_prompt"] == ""
        assert dock(answer) == ["That preset is not there any more. This chat begins without one."]
        assert "A secret." not in page_of(answer)
    assert dock(browser.get("/?preset=")) == dock(browser.get("/")) == []


def test_a_model_that_is_gone_is_replaced_and_that_is_said(browser: Client, ana: User) -> None:
    preset = make_preset(ana, model=GONE, system_prompt="Be kind.")

    answer = browser.get(f"/?preset={preset.pk}")

    begun = shown(answer)
    assert (begun["model"], begun["system_prompt"]) == ("Gemini-3.0-pro", "Be kind.")
    assert dock(answer) == [
        f"“Kind” asks {GONE}, which is no longer offered. "
        "This chat begins with Gemini-3.0-pro instead."
    ]
    listed = words_of(page_of(browser.get("/presets/")))
    assert f"{GONE} is no longer offered: chats begin with Gemini-3.0-pro instead." in listed
    # To be changed, it wants another.
    assert save(browser, f"/presets/{preset.pk}/", model="").status_code == 422


def test_a_refused_new_chat_still_says_with_which_preset(
    browser: Client, ana: User, kind: Preset
) -> None:
    presets.choose_default(kind, user=ana)
    fields = {"model": "Gemini-3.0-pro", "system_prompt": "Changed.", "temperature": "1"}

    kept = send(browser, " ", preset=str(kind.pk), **fields)
    without = send(browser, " ", preset="", **fields)

    assert shown(kept) == {**fields, "preset": str(kind.pk)}
    assert shown(without)["preset"] == ""


def test_what_is_sent_begins_the_chat_with_the_settings_of_its_page(
    service: Service, browser: Client, ana: User, upstream: Upstream
) -> None:
    preset = make_preset(ana, system_prompt="Be kind.", parameters={"temperature": 0.2})
    presets.choose_default(preset, user=ana)

    send(browser, "One")
    send(browser, "Two", model="gemini-2.5-pro", system_prompt="Be brief.", stream="on")

    begun = Conversation.objects.order_by("created_at")
    assert [(each.model, each.system_prompt, each.parameters) for each in begun] == [
        ("Gemini-3.0-pro", "Be kind.", {"temperature": 0.2}),
        ("gemini-2.5-pro", "Be brief.", {}),
    ]
