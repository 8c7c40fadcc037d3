"""The pages of prices: who may see and set them, what a new one means, and how past requests are
valued."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from chat.enums import CompletionState, Grain
from chat.models import Completion, Correction, Price, Revaluation, Total, User
from chat.queries import prices
from chat.views import prices as views
from tests.usage.conftest import SEED, ClientFor, Spend

TODAY = datetime(2026, 11, 23, 8, tzinfo=UTC)
YESTERDAY = TODAY - timedelta(days=1)
UNPRICED = "acme/model 9"
PAGES = ["prices", "model_prices", "revaluations", "revaluation"]
NEW = {
    "model": UNPRICED,
    "currency": "usd",
    "prompt": "1000",
    "cached": "",
    "completion": "2000",
    "long_prompt_over": "",
    "long_prompt": "",
    "long_cached": "",
    "long_completion": "",
    "effective_from": "",
    "source": "The contract",
}
# 13 tokens in and 1,891 out.
COST = Decimal("3.795")


@pytest.fixture(autouse=True)
def _on_a_monday_in_november(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: TODAY)


@pytest.fixture
def unpriced(spend: Spend) -> Completion:
    return spend(model_asked=UNPRICED, started_at=YESTERDAY)


def words(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def address(page: str) -> str:
    if page == "model_prices":
        return f"{reverse(page)}?model=Gemini-3.0-pro"
    if page == "revaluation":
        made = Revaluation.objects.create(model="m", reason="Missing", last=1, finished_at=TODAY)
        return reverse(page, args=(made.pk,))
    return reverse(page)


@pytest.mark.parametrize("page", PAGES)
def test_administrators_and_reviewers_look_and_to_members_there_is_no_page(
    ana: User, rita: User, ben: User, client_for: ClientFor, page: str
) -> None:
    found = [client_for(person).get(address(page)).status_code for person in (ana, rita, ben)]

    assert found == [200, 200, 404]


@pytest.mark.parametrize("person", ["rita", "ben"])
def test_only_administrators_set_prices_and_value_requests(
    ana: User,
    client_for: ClientFor,
    request: pytest.FixtureRequest,
    unpriced: Completion,
    person: str,
) -> None:
    client = client_for(request.getfixturevalue(person))
    begun = Revaluation.objects.create(model="m", reason="Missing", last=1)
    forms = [
        (reverse("set_price"), NEW | {"deed": "set"}),
        (reverse("begin_revaluation"), {"model": "Gemini-3.0-pro", "reason": "Missing"}),
        (reverse("go_on_revaluing", args=(begun.pk,)), {}),
    ]

    for to, form in forms:
        assert client.post(to, form).status_code == 404
    begun.refresh_from_db()
    assert begun.finished_at is None
    assert not Price.objects.filter(is_shipped=False).exists()
    assert list(Revaluation.objects.all()) == [begun]
    for to, form in forms:
        assert client_for(ana).post(to, form).status_code == 302


def test_what_has_no_price_stands_first_with_what_it_concerns(
    rita: User, client_for: ClientFor, unpriced: Completion, spend: Spend
) -> None:
    spend(started_at=YESTERDAY)
    rates = {"prompt": Decimal(1), "completion": Decimal(2)}
    Price.objects.create(model="ours", effective_from=YESTERDAY, source="A contract", **rates)

    answer = client_for(rita).get(reverse("prices"))

    assert answer.context["concerned"][0].model == UNPRICED
    shipped = Price.objects.filter(is_shipped=True).values_list("model").distinct().count()
    assert words(answer).count("came with evoweb</span>") == shipped
    assert "A contract </td>" in words(answer)
    assert "<strong>One model</strong> that is in use has no price." in words(answer)
    assert "What one request with 1,904 tokens has cost is not known." in words(answer)
    assert reverse("set_price") not in words(answer)


def test_what_lacks_figures_is_not_said_to_lack_a_price(
    ana: User, client_for: ClientFor, spend: Spend
) -> None:
    spend(started_at=YESTERDAY, prompt_tokens=None)
    spend(started_at=YESTERDAY, state=CompletionState.FAILED, model_asked=UNPRICED)

    assert prices.lately_unpriced(TODAY) == []
    assert "not known" not in words(client_for(ana).get(reverse("prices")))


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_of_prices_asks_as_much_however_many_there_are(
    ana: User,
    client_for: ClientFor,
    spend: Spend,
    django_assert_num_queries: DjangoAssertNumQueries,
    count: int,
) -> None:
    for number in range(count):
        spend(started_at=YESTERDAY, model_asked=f"model-{number}")
    client = client_for(ana)

    with django_assert_num_queries(7):
        client.get(reverse("prices"))


# A new price


def test_a_price_is_looked_at_before_it_is_set(
    ana: User, client_for: ClientFor, unpriced: Completion
) -> None:
    answer = client_for(ana).post(reverse("set_price"), NEW)

    assert answer.status_code == 200
    assert not Price.objects.filter(model=UNPRICED).exists()
    assert "The last 30 days would have cost <strong>3.80 USD</strong> with it." in words(
        answer
    ).replace("\N{NO-BREAK SPACE}", " ")
    assert "The cost of one request is not known." in words(answer)


def test_a_price_that_was_looked_at_is_set_and_what_has_ended_keeps_its_cost(
    ana: User, client_for: ClientFor, unpriced: Completion, spend: Spend
) -> None:
    priced = spend(started_at=YESTERDAY)
    form = NEW | {"deed": "set", "model": priced.model_asked, "effective_from": "2026-11-20T00:00"}

    client_for(ana).post(reverse("set_price"), form)

    price = Price.objects.get(model=priced.model_asked, is_shipped=False)
    assert (price.currency, price.prompt, price.source) == ("USD", Decimal(1000), "The contract")
    zone = timezone.get_default_timezone()
    assert price.effective_from == datetime(2026, 11, 20, tzinfo=zone)
    assert not Correction.objects.exists()
    priced.refresh_from_db()
    assert priced.cost == Decimal("0.0181744")


def test_without_a_moment_a_price_is_valid_from_now_on(ana: User, client_for: ClientFor) -> None:
    client_for(ana).post(reverse("set_price"), NEW | {"deed": "set"})

    assert Price.objects.get(model=UNPRICED).effective_from == TODAY


def test_who_changes_their_mind_gets_back_what_they_typed(ana: User, client_for: ClientFor) -> None:
    answer = client_for(ana).post(reverse("set_price"), NEW | {"deed": "change"})

    assert answer.context["form"]["completion"].value() == "2000"
    assert 'value="2000"' in words(answer)
    assert not Price.objects.filter(model=UNPRICED).exists()


@pytest.mark.parametrize(
    ("wrong", "field", "error"),
    [
        ({"prompt": ""}, "prompt", "Give an amount, or 0 if it costs nothing."),
        ({"prompt": "a lot"}, "prompt", "Give an amount, such as 12.50."),
        ({"completion": "-1"}, "completion", "Give 0 or more."),
        ({"currency": "euro"}, "currency", "Give its three capital letters."),
        ({"currency": "€"}, "currency", "Give its three capital letters."),
        ({"long_prompt_over": "9"}, "long_prompt", "Give it too, or nothing of long prompts."),
        ({"long_cached": "9"}, "long_prompt_over", "Give it too, or nothing of long prompts."),
        ({"effective_from": "soon"}, "effective_from", "Give a day and a time, such as 2026-11-23"),
        ({"effective_from": "0001-01-01T00:00"}, "effective_from", "from the year 2000 on."),
        ({"effective_from": "9999-12-31T23:59"}, "effective_from", "before the year 2200."),
        ({"model": ""}, "model", "This field is required."),
    ],
)
def test_a_price_that_makes_no_sense_is_explained_beside_its_field(
    ana: User, client_for: ClientFor, wrong: dict[str, str], field: str, error: str
) -> None:
    answer = client_for(ana).post(reverse("set_price"), NEW | {"deed": "set"} | wrong)

    assert answer.status_code == 422
    assert error in str(answer.context["form"].errors[field])
    assert list(answer.context["form"].errors) == [field] or field.startswith("long")
    assert not Price.objects.filter(is_shipped=False).exists()


def test_a_second_price_from_the_same_moment_is_refused(ana: User, client_for: ClientFor) -> None:
    form = NEW | {"deed": "set", "effective_from": "2026-11-20T00:00"}
    client = client_for(ana)
    client.post(reverse("set_price"), form)

    answer = client.post(reverse("set_price"), form | {"prompt": "7"})

    assert "It has a price from that moment already." in words(answer)
    assert Price.objects.get(model=UNPRICED).prompt == Decimal(1000)


# Past requests are valued


def test_past_requests_are_valued_in_one_go_where_there_are_few(
    ana: User, rita: User, client_for: ClientFor, unpriced: Completion
) -> None:
    client = client_for(ana)
    client.post(reverse("set_price"), NEW | {"deed": "set"})
    offer = client.get(reverse("model_prices"), {"model": UNPRICED})
    assert "One request without a cost would get one: 3.80 USD." in words(offer).replace(
        "\N{NO-BREAK SPACE}", " "
    )

    answer = client.post(
        reverse("begin_revaluation"), {"model": UNPRICED, "reason": "The contract"}, follow=True
    )

    assert "<strong>1</strong> request has another cost." in words(answer)
    made = Revaluation.objects.get()
    assert (made.made_by, made.reason, made.finished_at) == (ana, "The contract", TODAY)
    assert Total.objects.by(Grain.DAY).get().cost == COST
    listed = words(client_for(rita).get(reverse("revaluations"))).replace("\N{NO-BREAK SPACE}", " ")
    assert "+3.80 USD" in listed
    assert "The contract" in listed


def test_many_are_valued_bit_by_bit_until_all_are(
    ana: User, client_for: ClientFor, spend: Spend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "SECONDS", 0)
    monkeypatch.setattr("chat.domain.revaluing.BATCH", 1)
    for _ in range(2):
        spend(model_asked=UNPRICED, started_at=YESTERDAY)
    client = client_for(ana)
    client.post(reverse("set_price"), NEW | {"deed": "set"})

    page = client.post(
        reverse("begin_revaluation"), {"model": UNPRICED, "reason": "Missing"}, follow=True
    )
    made = Revaluation.objects.get()
    assert "Not all have been looked at yet." in words(page)
    assert made.corrections.count() == 1
    for _ in range(2):
        page = client.post(reverse("go_on_revaluing", args=(made.pk,)), follow=True)

    assert "Not all have been looked at yet." not in words(page)
    assert made.corrections.count() == 2


def test_without_a_reason_nothing_is_valued(
    ana: User, client_for: ClientFor, unpriced: Completion
) -> None:
    client = client_for(ana)
    client.post(reverse("set_price"), NEW | {"deed": "set"})

    answer = client.post(reverse("begin_revaluation"), {"model": UNPRICED, "reason": ""})

    assert answer.status_code == 422
    assert "Say why, for those who wonder later." in words(answer)
    assert not Revaluation.objects.exists()


def test_the_ledgers_admin_shows_corrections_and_changes_none(
    ana: User, client_for: ClientFor, unpriced: Completion
) -> None:
    client = client_for(ana)
    client.post(reverse("set_price"), NEW | {"deed": "set"})
    client.post(reverse("begin_revaluation"), {"model": UNPRICED, "reason": "The contract"})
    to = reverse("admin:chat_completion_change", args=(unpriced.pk,))

    page = client.get(to)
    refused = client.post(to, {"corrections-0-cost": "9"})

    assert "The contract" in words(page)
    assert "<input" not in words(page).partition('id="corrections-group"')[2].partition("</form>")[
        0
    ].replace('<input type="hidden"', "")
    assert refused.status_code == 403
    assert Correction.objects.get().cost == COST


def test_the_usage_object_of_the_providers_page_costs_what_it_does_by_hand() -> None:
    price = Price(prompt=Decimal("1.60"), cached=Decimal("0.16"), completion=Decimal("9.60"))
    output = max(SEED["completion_tokens"], SEED["total_tokens"] - SEED["prompt_tokens"])

    cost = price.cost(prompt=SEED["prompt_tokens"], cached=SEED["cached_tokens"], output=output)

    # 13 × 1.60 + 1,891 × 9.60 = 20.80 + 18,153.60, a million.
    assert cost == Decimal("0.0181744")
