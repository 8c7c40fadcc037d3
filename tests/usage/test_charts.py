"""What charts are drawn from: exact figures in the tables' cells, and a sentence for whoever sees
no picture."""

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.urls import reverse

from chat.enums import CompletionState
from chat.models import User
from tests.usage.conftest import NOON, ClientFor, Spend

NOVEMBER = {"start": "2026-11-01", "end": "2026-11-30"}


def page(client_for: ClientFor, user: User, name: str = "my_usage", by: str = "day") -> str:
    return client_for(user).get(reverse(name), NOVEMBER | {"by": by}).content.decode()


def days(text: str) -> dict[str, list[list[str]]]:
    """The figures of each day as the script finds them: unit, amount, and what of it is certain."""
    rows = re.findall(r"<tr>(.*?)</tr>", text.partition('id="table-day"')[2], re.DOTALL)
    return {
        found[0]: [
            figure.split(":")
            for cell in re.findall(r'data-figures="([^"]*)"', row)
            for figure in cell.split()
        ]
        for row in rows
        if (found := re.findall(r'datetime="([^"]*)"', row))
    }


def label(text: str) -> str:
    found = re.search(r'role="img" aria-label="([^"]*)"', text)
    return unescape(found[1]).replace("\N{NO-BREAK SPACE}", " ") if found else ""


def test_each_day_of_the_table_tells_its_cost_and_tokens_to_the_last_digit(
    ben: User, client_for: ClientFor, spend: Spend
) -> None:
    row = spend()
    spend(started_at=NOON + timedelta(days=2), model_asked="nobody-knows-its-price")

    found = days(page(client_for, ben))

    assert row.cost is not None
    exact = str(row.cost.normalize())
    assert len(exact) > len("0.0001")
    assert found["2026-11-10"] == [
        ["USD", exact, exact],
        ["tokens", "1904", "1904"],
    ]
    assert found["2026-11-12"] == [["tokens", "1904", "1904"]]


def test_of_an_estimate_the_lower_bound_is_certain(
    ben: User, client_for: ClientFor, spend: Spend, estimated: Spend
) -> None:
    spend()
    row = estimated(prompt=100, output=2000)

    (_, cost, certain_cost), (_, tokens, certain_tokens) = days(page(client_for, ben))["2026-11-10"]

    assert row.cost is not None
    assert row.cost_low is not None
    assert Decimal(cost) - Decimal(certain_cost) == row.cost - row.cost_low
    assert (tokens, certain_tokens) == (str(1904 + 2100), "1904")


def test_scripts_read_the_same_figures_in_every_language(
    ben: User, client_for: ClientFor, spend: Spend
) -> None:
    spend(prompt_tokens=1_000_000, completion_tokens=2)
    english = page(client_for, ben)
    User.objects.filter(pk=ben.pk).update(language="es")

    spanish = page(client_for, ben)
    models = page(client_for, ben, by="model")

    assert 'lang="es"' in spanish
    assert days(spanish) == days(english)
    assert re.findall(r'<rect[^>]*width="([^"]*)"', models) == ["100.0%"]


def test_the_sentence_says_what_is_shown_in_all_and_at_most(
    ben: User, client_for: ClientFor, spend: Spend, estimated: Spend
) -> None:
    spend()
    spend(started_at=NOON + timedelta(days=2))
    spend(started_at=NOON + timedelta(days=2))
    exact = label(page(client_for, ben))
    estimated(prompt=1, output=1)

    assert exact.startswith("Cost by day: 0.")
    assert exact.endswith("USD (12 November 2026).")
    assert label(page(client_for, ben)).endswith("Hatched parts are estimated.")


def test_where_nothing_has_a_price_tokens_are_shown(
    ben: User, client_for: ClientFor, spend: Spend
) -> None:
    spend(model_asked="nobody-knows-its-price")

    text = page(client_for, ben)

    assert label(text) == "Tokens by day: 1,904 in all, at most 1,904 (10 November 2026)."
    assert [figure[0] for figure in days(text)["2026-11-10"]] == ["tokens"]


@pytest.mark.parametrize(
    ("by", "start", "end", "most"),
    [
        ("day", "2026-11-01", "2026-11-30", "10 November 2026"),
        ("month", "2026-11", "2026-11", "November 2026"),
        ("hour", "00:00", "23:00", "13:00–14:00"),
    ],
)
def test_each_look_at_time_has_a_chart_from_the_first_place_to_the_last(
    ana: User, client_for: ClientFor, spend: Spend, by: str, start: str, end: str, most: str
) -> None:
    spend(user=ana)

    text = page(client_for, ana, "team_usage", by=by)

    assert f'data-table="table-{by}" data-start="{start}" data-end="{end}"' in text
    assert f'id="table-{by}"' in text
    assert label(text).startswith(f"Cost by {by}: ")
    assert label(text).endswith(f"({most}).")


def test_where_nothing_was_billed_there_is_no_chart(
    ben: User, cleo: User, client_for: ClientFor, spend: Spend
) -> None:
    spend(user=cleo)
    spend(user=ben, state=CompletionState.FAILED)

    assert 'data-behavior="chart"' in page(client_for, cleo)
    assert 'data-behavior="chart"' not in page(client_for, ben)


def test_where_nothing_was_used_there_is_no_chart(
    ben: User, cleo: User, client_for: ClientFor, spend: Spend
) -> None:
    spend(user=cleo)

    assert 'data-behavior="chart"' in page(client_for, cleo)
    assert 'data-behavior="chart"' not in page(client_for, ben)


def test_beside_each_persons_cost_is_a_bar_as_long_as_their_share(
    ana: User, ben: User, cleo: User, client_for: ClientFor, spend: Spend
) -> None:
    for user in (ben, ben, ben, cleo):
        spend(user=user)
    spend(user=ana, state=CompletionState.FAILED)

    people = page(client_for, ana, "team_usage", by="person")

    assert re.findall(r'<rect[^>]*width="([^"]*)"', people) == ["75.0%", "25.0%"]


def test_what_has_no_price_has_no_bar_either(
    ana: User, ben: User, cleo: User, client_for: ClientFor, spend: Spend
) -> None:
    spend(user=ben, model_asked="nobody-knows-its-price")
    spend(user=cleo)

    people = page(client_for, ana, "team_usage", by="person")

    assert re.findall(r'<rect[^>]*width="([^"]*)"', people) == ["100.0%"]
