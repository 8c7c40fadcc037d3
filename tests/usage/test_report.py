"""The sums of the ledger: what they hold, which day they belong to, and what stays unknown."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries, Settings

from chat.enums import CompletionState
from chat.models import Conversation, Price, Total, User
from chat.queries import usage
from chat.queries.usage import By, Report, Row, Scope
from tests.usage.conftest import NOON, Spend

Period = tuple[date, date]
NOVEMBER: Period = (date(2026, 11, 1), date(2026, 11, 30))


@pytest.fixture(autouse=True)
def _in_madrid(settings: Settings) -> None:
    settings.TIME_ZONE = "Europe/Madrid"


def of(user: User | None, by: By = By.DAY, *, period: Period = NOVEMBER) -> Report:
    return usage.report(Scope(*period, user=user), by)


def rows_of(user: User | None, *, period: Period = NOVEMBER) -> list[Row]:
    return list(usage.days(Scope(*period, user=user)))


def test_a_completion_is_counted_with_all_its_figures(ben: User, spend: Spend) -> None:
    spend()

    assert rows_of(ben) == [
        Row(
            day=date(2026, 11, 10),
            user=ben,
            model="Gemini-3.0-pro",
            completions=1,
            prompt_tokens=13,
            output_tokens=1891,
            reasoning_tokens=1480,
            cached_tokens=0,
            prompt_low=13,
            prompt_high=13,
            output_low=1891,
            output_high=1891,
            costs=(("USD", Decimal("0.0181744")),),
            costs_low=(("USD", Decimal("0.0181744")),),
            costs_high=(("USD", Decimal("0.0181744")),),
            saved=(("USD", Decimal(0)),),
        )
    ]


def test_the_total_is_the_sum_of_the_rows(ben: User, spend: Spend) -> None:
    spend()
    spend(model_asked="gpt-5.1", prompt_tokens=100, completion_tokens=10)

    assert of(ben).total == Row(
        completions=2,
        prompt_tokens=113,
        output_tokens=1901,
        reasoning_tokens=1480,
        cached_tokens=0,
        prompt_low=113,
        prompt_high=113,
        output_low=1901,
        output_high=1901,
        # 100 × 1.25 + 10 × 10, a million, and the seed's.
        costs=(("USD", Decimal("0.0183994")),),
        costs_low=(("USD", Decimal("0.0183994")),),
        costs_high=(("USD", Decimal("0.0183994")),),
        saved=(("USD", Decimal(0)),),
    )


def test_without_use_there_are_no_rows_and_the_total_is_unknown(ben: User) -> None:
    assert (rows_of(ben), of(ben).rows, of(ben).total) == ([], [], Row())


def test_a_person_sees_nothing_of_what_others_used(ben: User, cleo: User, spend: Spend) -> None:
    spend(user=ben)
    spend(user=cleo)
    spend(user=cleo)

    assert [(row.user, row.completions) for row in rows_of(ben)] == [(ben, 1)]
    assert [(row.user, row.completions) for row in rows_of(None)] == [(ben, 1), (cleo, 2)]


def test_rows_stand_by_day_person_and_model_the_newest_day_first(
    ben: User, cleo: User, spend: Spend
) -> None:
    earlier, later = NOON.replace(day=9), NOON.replace(day=11)
    for user in (cleo, ben):
        for model in ("zebra", "Alpaca"):
            spend(user=user, model_asked=model, started_at=earlier)
    spend(user=cleo, started_at=later)

    assert [(row.day, row.user, row.model) for row in rows_of(None)] == [
        (later.date(), cleo, "Gemini-3.0-pro"),
        (earlier.date(), ben, "Alpaca"),
        (earlier.date(), ben, "zebra"),
        (earlier.date(), cleo, "Alpaca"),
        (earlier.date(), cleo, "zebra"),
    ]


def test_the_team_is_summed_by_person_and_by_model_most_first_and_by_day(
    ben: User, cleo: User, spend: Spend
) -> None:
    spend(user=ben, model_asked="small", prompt_tokens=5, completion_tokens=5)
    spend(user=cleo, model_asked="small", prompt_tokens=1, completion_tokens=2)
    spend(user=cleo, model_asked="big", started_at=NOON.replace(day=9))

    assert [
        (row.user, row.output_tokens, row.model, row.day) for row in of(None, By.PERSON).rows
    ] == [
        (cleo, 1893, "", None),
        (ben, 5, "", None),
    ]
    assert [(row.model, row.output_tokens, row.user) for row in of(None, By.MODEL).rows] == [
        ("big", 1891, None),
        ("small", 7, None),
    ]
    assert [(row.day, row.completions) for row in of(None).rows] == [
        (date(2026, 11, 10), 2),
        (date(2026, 11, 9), 1),
    ]


@pytest.mark.parametrize(
    ("figures", "output"),
    [
        ({"prompt_tokens": 504, "completion_tokens": 2, "total_tokens": 526}, 22),
        ({"prompt_tokens": 13, "completion_tokens": 1891, "total_tokens": 1904}, 1891),
        ({"prompt_tokens": 13, "completion_tokens": 50, "total_tokens": 13}, 50),
        ({"prompt_tokens": 13, "completion_tokens": 50, "total_tokens": 0}, 50),
        ({"prompt_tokens": 13, "completion_tokens": 50, "total_tokens": None}, 50),
        ({"prompt_tokens": None, "completion_tokens": 50, "total_tokens": 63}, 50),
        ({"prompt_tokens": 13, "completion_tokens": None, "total_tokens": 63}, 50),
        ({"prompt_tokens": 13, "completion_tokens": None, "total_tokens": None}, None),
        ({"prompt_tokens": 60, "completion_tokens": None, "total_tokens": 13}, None),
        ({"prompt_tokens": 13, "completion_tokens": None, "total_tokens": 13}, None),
        ({"prompt_tokens": 60, "completion_tokens": 0, "total_tokens": 13}, 0),
        ({"prompt_tokens": 13, "completion_tokens": 0, "reasoning_tokens": 60}, 60),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, 0),
    ],
)
def test_output_holds_what_the_total_leaves_beside_the_prompt(
    ben: User, spend: Spend, figures: dict[str, int | None], output: int | None
) -> None:
    spend(**figures)

    assert of(ben).total.output_tokens == output


def test_the_larger_output_is_chosen_row_by_row_and_not_of_the_sums(
    ben: User, spend: Spend
) -> None:
    spend(prompt_tokens=10, completion_tokens=100, total_tokens=10)
    spend(prompt_tokens=10, completion_tokens=1, total_tokens=60)

    assert of(ben).total.output_tokens == 150


FIGURE = st.none() | st.integers(0, 2000)
ROW = st.fixed_dictionaries(
    {
        "state": st.sampled_from([CompletionState.FINAL, CompletionState.FAILED]),
        "prompt_tokens": FIGURE,
        "completion_tokens": FIGURE,
        "total_tokens": FIGURE,
        "reasoning_tokens": FIGURE,
    }
)


@hypothesis_settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=st.lists(ROW, min_size=1, max_size=6))
def test_the_sums_agree_with_the_figures_under_the_replies(
    ben: User, spend: Spend, rows: list[dict[str, int | None]]
) -> None:
    Total.objects.all().delete()
    completions = [spend(**row) for row in rows]

    total = of(ben).total

    prompts = [row.prompt for row in completions if row.prompt is not None]
    outputs = [row.output for row in completions if row.output is not None]
    assert total.prompt_tokens == (sum(prompts) if prompts else None)
    assert total.output_tokens == (sum(outputs) if outputs else None)
    assert total.unknown == sum(
        row.state == CompletionState.FINAL and None in (row.prompt, row.output)
        for row in completions
    )


def test_estimates_are_summed_and_counted_as_such(
    ben: User, spend: Spend, estimated: Spend
) -> None:
    spend(prompt_tokens=10, completion_tokens=20)
    estimated(prompt=100, output=200)

    total = of(ben).total

    assert (total.prompt_tokens, total.output_tokens) == (110, 220)
    assert (total.completions, total.estimated, total.unknown) == (2, 1, 0)


def test_what_still_runs_is_counted_apart(ben: User, cleo: User, spend: Spend) -> None:
    spend(user=ben, state=CompletionState.OPEN, prompt_tokens=9, completion_tokens=9)
    spend(user=cleo, state=CompletionState.OPEN)
    spend(user=ben, state=CompletionState.OPEN, started_at=NOON.replace(month=10))

    assert (of(ben).running, of(ben).total) == (1, Row())
    assert of(None).running == 2


def test_costs_are_summed_and_what_has_no_price_is_counted(ben: User, spend: Spend) -> None:
    Price.objects.create(
        model="euro",
        effective_from=NOON,
        prompt=Decimal(500_000),
        completion=Decimal(0),
        currency="EUR",
    )
    spend()
    spend(model_asked="euro", prompt_tokens=4, completion_tokens=0)
    spend(model_asked="unheard-of")

    total = of(ben).total

    assert total.costs == (("EUR", Decimal(2)), ("USD", Decimal("0.0181744")))
    assert (total.completions, total.unpriced, total.is_priced) == (3, 1, True)
    assert not of(ben, By.MODEL).rows[-1].is_priced


@pytest.mark.parametrize(
    ("state", "unknown"), [(CompletionState.FINAL, 1), (CompletionState.FAILED, 0)]
)
def test_a_row_without_figures_is_unknown_and_not_zero_unless_there_is_nothing_to_bill(
    ben: User, spend: Spend, state: CompletionState, unknown: int
) -> None:
    spend(state=state, prompt_tokens=None)

    total = of(ben).total

    assert (total.prompt_tokens, total.output_tokens, total.unknown) == (None, None, unknown)
    assert (total.reasoning_tokens, total.cached_tokens) == (None, None)
    assert total.is_unbilled == (not unknown)


def test_a_row_without_figures_leaves_the_sum_of_the_others(ben: User, spend: Spend) -> None:
    spend()
    spend(prompt_tokens=None)

    row = of(ben, By.MODEL).rows[0]

    assert (row.completions, row.prompt_tokens, row.output_tokens, row.unknown) == (2, 13, 1891, 1)


def test_parts_are_never_added_to_the_whole(ben: User, spend: Spend) -> None:
    spend(
        prompt_tokens=100,
        completion_tokens=50,
        total_tokens=150,
        cached_tokens=80,
        prompt_text_tokens=60,
        prompt_image_tokens=40,
        reasoning_tokens=30,
        completion_text_tokens=20,
        input_tokens=100,
        output_tokens=50,
    )

    total = of(ben).total

    assert (total.prompt_tokens, total.output_tokens) == (100, 50)
    assert (total.cached_tokens, total.reasoning_tokens) == (80, 30)


def test_what_a_deleted_conversation_spent_stays_spent(ben: User, secret_turn: object) -> None:
    before = of(ben)
    assert before.total.output_tokens == 1891

    ben.conversations.all().delete()

    assert of(ben) == before


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 10, 31, 22, 59, 59, 999999, tzinfo=UTC), None),
        (datetime(2026, 10, 31, 23, 0, tzinfo=UTC), date(2026, 11, 1)),
        (datetime(2026, 11, 30, 22, 59, 59, 999999, tzinfo=UTC), date(2026, 11, 30)),
        (datetime(2026, 11, 30, 23, 0, tzinfo=UTC), None),
    ],
)
def test_the_period_is_whole_local_days(
    ben: User, spend: Spend, moment: datetime, day: date | None
) -> None:
    spend(started_at=moment)

    assert [row.day for row in rows_of(ben)] == ([day] if day else [])


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Madrid", date(2026, 3, 29), 23),
        ("Europe/Madrid", date(2026, 10, 25), 25),
        # Here the clocks skip midnight itself, and here they come to it twice.
        ("America/Santiago", date(2026, 9, 6), 23),
        ("America/Havana", date(2026, 11, 1), 25),
    ],
)
def test_a_day_on_which_the_clocks_change_is_counted_whole_and_once(
    ben: User, spend: Spend, settings: Settings, zone: str, day: date, hours: int
) -> None:
    settings.TIME_ZONE = zone
    start = datetime.combine(day, datetime.min.time(), ZoneInfo(zone)).timestamp()
    for half_hour in range(-2, 2 * hours + 2):
        spend(started_at=datetime.fromtimestamp(start + half_hour * 1800, UTC))

    report = of(ben, period=(day, day))

    assert [(row.day, row.completions) for row in report.rows] == [(day, 2 * hours)]


@pytest.mark.parametrize("by", By)
@pytest.mark.parametrize("count", [1, 3])
def test_each_way_of_looking_costs_the_same_queries_however_long(
    ben: User,
    cleo: User,
    spend: Spend,
    count: int,
    by: By,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(count):
        conversation = Conversation.objects.create(owner=ben, title=str(number), model="x")
        spend(user=ben, started_at=NOON.replace(day=number + 1), conversation=conversation)
        spend(user=cleo, model_asked=f"model {number}")

    with django_assert_num_queries(5 if by == By.CONVERSATION else 2):
        report = of(ben if by == By.CONVERSATION else None, by)
        assert [row.user.name for row in report.rows if row.user] or by != By.PERSON

    assert report.total.completions == count * (1 if by == By.CONVERSATION else 2)
