"""The admin's pages about money: prices come in and stay, totals are only looked at."""

from datetime import datetime
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from chat.models import Price, Total, User
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
