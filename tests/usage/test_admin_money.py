"""The admin's pages about money: prices come in and stay, totals are only looked at."""

from datetime import datetime
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from chat.models import Budget, Price, Total, User
from tests.usage.conftest import ClientFor, Spend

ENTERED = {
    "model": "gemini-9",
    "effective_from_0": "2026-12-01",
    "effective_from_1": "00:00:00",
    "currency": "EUR",
    "prompt": "1.25",
    "cached": "",
    "completion": "10",
    "source": "The contract of 1 December",
}


def test_an_administrator_enters_a_price(ana: User, client_for: ClientFor) -> None:
    answer = client_for(ana).post(reverse("admin:chat_price_add"), ENTERED)

    price = Price.objects.get(model="gemini-9")
    assert answer.status_code == 302
    assert (price.prompt, price.cached, price.completion) == (Decimal("1.25"), None, Decimal(10))
    zone = timezone.get_default_timezone()
    assert price.effective_from == datetime(2026, 12, 1, tzinfo=zone)
    assert not price.is_shipped


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt": "-1"},
        {"currency": "euro"},
        {"currency": "eur"},
        {"prompt": ""},
        {"long_prompt_over": "200000"},
    ],
)
def test_a_price_that_makes_no_sense_is_not_taken(
    ana: User, client_for: ClientFor, wrong: dict[str, str]
) -> None:
    answer = client_for(ana).post(reverse("admin:chat_price_add"), ENTERED | wrong)

    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors
    assert not Price.objects.filter(model="gemini-9").exists()


@pytest.mark.parametrize("page", ["change", "delete"])
def test_nobody_changes_a_price_that_stands(ana: User, client_for: ClientFor, page: str) -> None:
    price = Price.objects.all()[0]

    answer = client_for(ana).post(
        reverse(f"admin:chat_price_{page}", args=(price.pk,)), {"post": "yes", **ENTERED}
    )

    assert answer.status_code == 403
    assert Price.objects.get(pk=price.pk).prompt == price.prompt


@pytest.mark.parametrize("page", ["add", "change", "delete"])
def test_nobody_changes_a_total(ana: User, client_for: ClientFor, spend: Spend, page: str) -> None:
    spend()
    args = () if page == "add" else (Total.objects.all()[0].pk,)

    answer = client_for(ana).post(
        reverse(f"admin:chat_total_{page}", args=args), {"post": "yes", "completions": "7"}
    )

    assert answer.status_code == 403
    assert set(Total.objects.values_list("completions", flat=True)) == {1}


@pytest.mark.parametrize("record", ["price", "total"])
def test_the_pages_are_there_for_administrators_alone(
    ana: User, ben: User, client_for: ClientFor, spend: Spend, record: str
) -> None:
    spend()
    key = (Price if record == "price" else Total).objects.all()[0].pk
    ben.is_staff = True
    ben.save(update_fields=["is_staff"])

    for page, args in (("changelist", ()), ("change", (key,))):
        address = reverse(f"admin:chat_{record}_{page}", args=args)
        assert client_for(ana).get(address).status_code == 200
        assert client_for(ben).get(address).status_code in (302, 403)


BUDGET = {"period": "month", "tokens": "1000000", "money": "", "currency": "", "is_hard": "on"}


def test_an_administrator_sets_a_budget_and_takes_it_out_of_force(
    ana: User, client_for: ClientFor
) -> None:
    client = client_for(ana)

    client.post(reverse("admin:chat_budget_add"), BUDGET | {"is_active": "on"})
    budget = Budget.objects.get()
    assert (budget.limit, budget.is_hard, budget.is_active) == (1_000_000, True, True)

    client.post(reverse("admin:chat_budget_change", args=(budget.pk,)), BUDGET)
    budget.refresh_from_db()
    assert not budget.is_active

    client.post(reverse("admin:chat_budget_delete", args=(budget.pk,)), {"post": "yes"})
    assert Budget.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"tokens": ""}, "Give tokens, or money and its currency, not both."),
        ({"money": "5", "currency": "EUR"}, "Give tokens, or money and its currency, not both."),
        ({"tokens": "", "money": "five", "currency": "EUR"}, "Give an amount, such as 12.50."),
        ({"tokens": "", "money": "-5", "currency": "EUR"}, "greater than or equal to 0"),
    ],
)
def test_a_budget_that_makes_no_sense_is_explained(
    ana: User, client_for: ClientFor, wrong: dict[str, str], words: str
) -> None:
    answer = client_for(ana).post(reverse("admin:chat_budget_add"), BUDGET | wrong)

    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert not Budget.objects.exists()


def test_a_member_sets_no_budget(ben: User, client_for: ClientFor) -> None:
    answer = client_for(ben).post(reverse("admin:chat_budget_add"), BUDGET)

    assert answer.status_code in (302, 403)
    assert not Budget.objects.exists()


def test_money_is_given_with_decimals(ana: User, client_for: ClientFor) -> None:
    money = {"tokens": "", "money": "12.50", "currency": "USD"}

    client_for(ana).post(reverse("admin:chat_budget_add"), BUDGET | money)

    assert Budget.objects.get().money == Decimal("12.5")
