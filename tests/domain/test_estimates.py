"""Estimates: what is learned from rows with figures, and how far off it is."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from chat.completions.events import Usage
from chat.domain import learned, ledger
from chat.domain.estimates import Attempt, Habits, Spread
from chat.domain.ledger import Receipt
from chat.enums import CompletionState
from chat.models import Completion, User

MODEL = "Gemini-3.0-pro"
RATIOS = st.floats(0, 100)
SPREADS = st.lists(RATIOS, min_size=1).map(Spread.of)
NOTHING_LEARNED = Habits()


def answered(user: User, *, characters: int, model: str = MODEL, thought: int = 400) -> Completion:
    """A row whose figures came: half a token a character sent, a fifth a character read, so much
    thinking within two seconds, and all read in ten more."""
    now = timezone.now()
    return Completion.objects.create(
        user=user,
        model_asked=model,
        state=CompletionState.FINAL,
        usage={},
        started_at=now - timedelta(seconds=12),
        first_text_at=now - timedelta(seconds=10),
        finished_at=now,
        prompt_characters=100,
        prompt_messages=1,
        text_characters=characters,
        prompt_tokens=58,
        completion_tokens=characters // 5 + thought,
        total_tokens=58 + characters // 5 + thought,
        reasoning_tokens=thought,
    )


def cut(user: User, *, characters: int) -> Completion:
    """The row of an answer that was stopped five seconds after its start, without figures."""
    now = timezone.now()
    started = now - timedelta(seconds=5)
    row = Completion.objects.create(user=user, model_asked=MODEL, started_at=started)
    receipt = Receipt(
        http_status=200,
        may_be_billed=True,
        was_stopped=True,
        first_token_at=started + timedelta(seconds=2),
        first_text_at=started + timedelta(seconds=2),
        heard_at=now,
        prompt_characters=200,
        prompt_messages=1,
        output_characters=characters,
        text_characters=characters,
        model=MODEL,
    )
    assert ledger.close_row(row.pk, receipt)
    row.refresh_from_db()
    return row


def test_what_is_known_of_an_attempt_is_kept_in_its_row(ana: User) -> None:
    row = cut(ana, characters=500)

    assert (row.prompt_characters, row.prompt_messages, row.text_characters) == (200, 1, 500)
    assert row.first_text_at == row.first_token_at


def test_an_estimate_has_the_models_own_ratios_its_thinking_and_what_was_under_way(
    ana: User,
) -> None:
    for _ in range(learned.LEAST):
        answered(ana, characters=1000)

    row = cut(ana, characters=500)

    # 216 characters with what stands between messages, at half a token each.
    assert row.estimated_prompt == 108
    # 100 of text, 400 of thinking in the same two seconds, and 0.2 s at 20 tokens a second.
    assert row.estimated_output == pytest.approx(504, abs=2)
    assert row.estimated_output_low is not None
    assert row.estimated_output_high is not None
    assert 350 < row.estimated_output_low < 504 < row.estimated_output_high < 800


def test_with_too_few_rows_bounds_hold_all_that_may_have_been_thought(ana: User) -> None:
    for _ in range(learned.LEAST - 1):
        answered(ana, characters=1000)

    row = cut(ana, characters=500)

    assert row.estimated_output == 125
    assert (row.estimated_output_high or 0) > 32_768


def test_nothing_is_learned_from_other_models_and_from_rows_without_figures(ana: User) -> None:
    for _ in range(learned.LEAST):
        answered(ana, characters=1000, model="another")
        cut(ana, characters=1000)

    assert learned.habits_of(MODEL) == NOTHING_LEARNED


def test_an_answer_that_came_at_once_says_nothing_of_speed(ana: User) -> None:
    for _ in range(learned.LEAST):
        row = answered(ana, characters=1000)
        Completion.objects.filter(pk=row.pk).update(first_text_at=row.finished_at)

    assert learned.habits_of(MODEL).speed is None


def test_a_silence_at_the_end_widens_the_bounds_and_changes_nothing_likely() -> None:
    habits = Habits(speed=Spread(20, 10, 30))
    heard, silent = (
        Attempt(
            prompt_characters=10,
            prompt_messages=1,
            text_characters=400,
            thought_characters=0,
            before_text=1,
            silent=silence,
        ).output(habits, limit=None, max_thinking=0)
        for silence in (0, 10)
    )

    assert silent.likely == heard.likely
    assert silent.high == heard.high + 300


def test_an_attempt_that_may_never_have_begun_costs_at_least_nothing() -> None:
    attempt = Attempt(
        prompt_characters=4000,
        prompt_messages=9,
        text_characters=0,
        thought_characters=0,
        before_text=3,
        is_begun=False,
    )

    assert attempt.prompt(NOTHING_LEARNED).low == 0
    assert attempt.output(NOTHING_LEARNED, limit=None, max_thinking=9).low == 0


def test_the_error_is_that_of_rows_which_nothing_was_learned_from(ana: User) -> None:
    for _ in range(learned.LEAST):
        answered(ana, characters=1000)
    for _ in range(learned.LEAST):
        answered(ana, characters=1000, thought=460)

    error = learned.error_of(MODEL)

    assert error is not None
    assert (error.rows, error.within) == (learned.LEAST, learned.LEAST)
    # 604 likely, with what may be under way, and 660 true.
    assert error.off == pytest.approx(0.085, abs=0.01)


def test_bounds_that_were_missed_are_counted(ana: User) -> None:
    for _ in range(learned.LEAST):
        answered(ana, characters=1000)
    for _ in range(learned.LEAST):
        answered(ana, characters=1000, thought=4000)

    error = learned.error_of(MODEL)

    assert error is not None
    assert (error.rows, error.within) == (learned.LEAST, 0)


def test_without_enough_rows_nothing_is_said_of_the_error(ana: User) -> None:
    for _ in range(2 * learned.LEAST - 2):
        answered(ana, characters=1000)

    assert learned.error_of(MODEL) is None


def test_figures_so_far_are_the_least_of_an_answer_that_broke_off(ana: User) -> None:
    row = Completion.objects.create(user=ana, model_asked=MODEL)
    usage = Usage(prompt_tokens=13, completion_tokens=700, total_tokens=713)

    ledger.close_row(row.pk, Receipt(http_status=200, may_be_billed=True, usage=usage))

    row.refresh_from_db()
    assert (row.state, row.prompt, row.estimated_output_low) == ("estimated", 13, 700)


@given(
    attempt=st.builds(
        Attempt,
        prompt_characters=st.integers(0, 10**7),
        prompt_messages=st.integers(0, 1000),
        text_characters=st.integers(0, 10**7),
        thought_characters=st.integers(0, 10**7),
        before_text=st.floats(0, 1000),
        silent=st.floats(0, 1000),
        is_begun=st.booleans(),
    ),
    habits=st.builds(
        Habits,
        prompt=SPREADS,
        text=SPREADS,
        thinking=st.none() | SPREADS,
        speed=st.none() | SPREADS,
    ),
    limit=st.none() | st.integers(1, 10**6),
    thinking=st.integers(0, 10**6),
    figure=st.none() | st.integers(0, 10**7),
)
def test_an_estimate_lies_in_its_bounds(
    attempt: Attempt, habits: Habits, limit: int | None, thinking: int, figure: int | None
) -> None:
    prompt = attempt.prompt(habits)
    output = attempt.output(habits, limit=limit, max_thinking=thinking)

    for estimate in (prompt, output, prompt.known(figure), output.at_least(figure)):
        assert 0 <= estimate.low <= estimate.likely <= estimate.high
