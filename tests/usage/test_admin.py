"""The admin shows administrators that people talk, and never what is said."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin import ModelAdmin
from django.contrib.admin.utils import label_for_field
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse
from django.utils.translation import override
from pytest_django import DjangoAssertNumQueries

from chat.admin import site
from chat.enums import CompletionState
from chat.models import Completion, Conversation, Message, User
from tests.usage.conftest import NOON, SECRET, ClientFor, Spend

RECORDS = ["conversation", "message", "completion"]
SECRETS = [
    ("conversation", "title"),
    ("conversation", "system_prompt"),
    ("message", "text"),
    ("message", "reasoning"),
    ("message", "pieces__text"),
    ("message", "conversation__title"),
    ("completion", "message__text"),
    ("completion", "conversation__title"),
    ("user", "prompts__text"),
    ("user", "conversations__title"),
]


def list_of(record: str) -> str:
    return reverse(f"admin:chat_{record}_changelist")


def key_of(record: str, reply: Message) -> object:
    keys = {"conversation": reply.conversation_id, "message": reply.pk}
    return keys.get(record) or Completion.objects.get(message=reply).pk


def every_page() -> Iterator[str]:
    """Each list and, of each record there is, its page and its history."""
    yield reverse("admin:index")
    yield reverse("admin:app_list", args=("chat",))
    for model in (Conversation, Message, Completion, User):
        name = model._meta.model_name or ""
        yield list_of(name)
        for record in model.objects.all():
            yield reverse(f"admin:chat_{name}_change", args=(record.pk,))
            yield reverse(f"admin:chat_{name}_history", args=(record.pk,))


def test_no_page_shows_a_word_of_what_was_said(
    ana: User, secret_turn: Message, client_for: ClientFor
) -> None:
    client = client_for(ana)
    assert SECRET in secret_turn.conversation.title

    pages = {address: client.get(address) for address in every_page()}

    assert {address: page.status_code for address, page in pages.items()} == dict.fromkeys(
        pages, 200
    )
    assert len(pages) == 2 + 4 + 2 * (1 + 2 + 1 + 2)
    assert [address for address, page in pages.items() if SECRET in page.content.decode()] == []


# Words that happen to be the same.
ALIKE = {"ID", "Id", "error", "total"}


@pytest.mark.parametrize("admin", site._registry.values(), ids=lambda admin: admin.opts.model_name)
def test_every_label_is_in_spanish_too(admin: ModelAdmin) -> None:
    names = {*admin.list_display, *(admin.fields or ())}

    labels = {
        language: {name: label_in(language, str(name), admin) for name in names}
        for language in ("en", "es")
    }

    same = {name for name in names if labels["en"][name] == labels["es"][name]}
    assert {labels["en"][name] for name in same if not is_of_the_upstream(str(name))} <= ALIKE


def label_in(language: str, name: str, admin: ModelAdmin) -> str:
    with override(language):
        return str(label_for_field(name, admin.model, admin))


def is_of_the_upstream(name: str) -> bool:
    """Named by the API's own words, the same in every language."""
    field = {field.name: field for field in Completion._meta.concrete_fields}.get(name)
    return field is not None and isinstance(field.verbose_name, str)


@pytest.mark.parametrize(("record", "path"), SECRETS)
@pytest.mark.parametrize("lookup", ["", "__contains", "__startswith", "__regex"])
def test_no_filter_tells_whether_a_text_holds_a_word(
    ana: User, secret_turn: Message, client_for: ClientFor, record: str, path: str, lookup: str
) -> None:
    answer = client_for(ana).get(list_of(record), {f"{path}{lookup}": SECRET})

    assert answer.status_code == 400


@pytest.mark.parametrize("record", RECORDS)
def test_no_search_finds_a_word(
    ana: User, secret_turn: Message, client_for: ClientFor, record: str
) -> None:
    client = client_for(ana)

    found = client.get(list_of(record), {"q": SECRET}).context["cl"].result_count
    not_found = client.get(list_of(record), {"q": "never written"}).context["cl"].result_count

    assert found == not_found


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({}, 3),
        ({"state__exact": "open"}, 1),
        ({"model_asked": "gpt-5.1"}, 1),
        ({"user__id__exact": "cleo"}, 1),
        ({"started_at__gte": f"{NOON:%F} 00:00:00+00:00"}, 3),
        ({"started_at__lt": f"{NOON:%F} 00:00:00+00:00"}, 0),
        ({"source__exact": "title"}, 0),
    ],
)
def test_the_ledger_is_filtered_by_state_model_person_and_day(
    ana: User,
    cleo: User,
    client_for: ClientFor,
    spend: Spend,
    filters: dict[str, Any],
    count: int,
) -> None:
    spend(state=CompletionState.OPEN)
    spend(model_asked="gpt-5.1")
    spend(user=cleo)
    query = {key: cleo.pk if value == "cleo" else value for key, value in filters.items()}

    answer = client_for(ana).get(list_of("completion"), query)

    assert answer.context["cl"].result_count == count


def test_a_row_of_the_ledger_is_shown_with_its_figures(
    ana: User, client_for: ClientFor, spend: Spend
) -> None:
    row = spend(usage={"prompt_tokens": 13}, upstream_id="chatcmpl-123")

    page = client_for(ana).get(reverse("admin:chat_completion_change", args=(row.pk,)))

    text = page.content.decode()
    assert "1,891" in text
    assert "1,480" in text
    assert "chatcmpl-123" in text


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("page", ["changelist", "add", "change", "history", "delete"])
def test_a_member_has_no_admin_even_with_every_permission_of_django(
    ben: User, secret_turn: Message, client_for: ClientFor, record: str, page: str
) -> None:
    ben.is_staff = True
    ben.save(update_fields=["is_staff"])
    ben.user_permissions.set(Permission.objects.all())
    args = () if page in ("changelist", "add") else (key_of(record, secret_turn),)

    answer = client_for(ben).get(reverse(f"admin:chat_{record}_{page}", args=args))

    assert answer.status_code in (302, 403, 404)
    assert SECRET not in answer.content.decode()


@pytest.mark.parametrize("record", RECORDS)
@pytest.mark.parametrize("page", ["add", "change", "delete"])
def test_an_administrator_changes_nothing(
    ana: User, secret_turn: Message, client_for: ClientFor, record: str, page: str
) -> None:
    args = () if page == "add" else (key_of(record, secret_turn),)

    answer = client_for(ana).post(
        reverse(f"admin:chat_{record}_{page}", args=args), {"post": "yes", "state": "failed"}
    )

    assert answer.status_code == 403
    assert Completion.objects.get().state == CompletionState.FINAL
    assert Message.objects.count() == 2


def test_whoever_is_not_signed_in_comes_to_the_sign_in_page(
    secret_turn: Message, client: Client
) -> None:
    answer = client.get(list_of("message"))

    assert answer.status_code == 302


@pytest.mark.parametrize("record", RECORDS)
def test_a_list_costs_the_same_queries_however_long(
    ana: User,
    cleo: User,
    secret_turn: Message,
    client_for: ClientFor,
    spend: Spend,
    record: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    client = client_for(ana)
    client.get(list_of(record))

    def cost() -> int:
        with django_assert_max_num_queries(12) as captured:
            client.get(list_of(record))
        return len(captured)

    with_few = cost()
    for _ in range(2):
        chat = Conversation.objects.create(owner=cleo, title="Chat", model="gpt-5.1")
        message = chat.messages.create(
            role="user", author=cleo, text="Hello", finished_at=chat.created_at
        )
        spend(user=cleo, conversation=chat, message=message)

    assert cost() == with_few
