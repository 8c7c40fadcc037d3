"""How templates write figures: unknown is never zero, and nothing is more precise than it is."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.template import Context, Template
from django.utils import timezone, translation

from chat.templatetags.chat import clock, day_label, seconds, tokens


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0"), (13, "13"), (1904, "1,904"), (1234567, "1,234,567")]
)
def test_tokens_are_grouped(count: int, words: str) -> None:
    assert tokens(count) == words


def test_tokens_that_nobody_gave_are_unknown() -> None:
    assert tokens(None) == "unknown"


def test_tokens_are_grouped_as_the_language_does_it() -> None:
    with translation.override("es"):
        assert tokens(1904) == "1\N{NO-BREAK SPACE}904"


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (0, "0 ms"),
        (340, "340 ms"),
        (999.4, "999 ms"),
        (999.6, "1.0 s"),
        (1240, "1.2 s"),
        (1960, "2.0 s"),
        (59_949, "59.9 s"),
        (59_950, "1 min 0 s"),
        (125_000, "2 min 5 s"),
        (3_725_000, "62 min 5 s"),
        (-5, "0 ms"),
    ],
)
def test_a_span_is_as_precise_as_it_is_worth(milliseconds: float, words: str) -> None:
    assert seconds(timedelta(milliseconds=milliseconds)) == words


def test_a_span_that_is_not_known_is_unknown() -> None:
    assert seconds(None) == "unknown"


@pytest.fixture
def _late_on_monday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: datetime(2026, 11, 23, 22, 30, tzinfo=UTC))


@pytest.mark.usefixtures("_late_on_monday")
@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (datetime(2026, 11, 23, 22, 0, tzinfo=UTC), "Today"),
        (datetime(2026, 11, 23, 0, 0, tzinfo=UTC), "Today"),
        (datetime(2026, 11, 22, 23, 59, tzinfo=UTC), "Yesterday"),
        (date(2026, 11, 22), "Yesterday"),
        (date(2026, 11, 21), "21 November 2026"),
    ],
)
def test_a_day_is_called_as_people_do(moment: date, words: str) -> None:
    with timezone.override("UTC"):
        assert day_label(moment) == words


@pytest.mark.usefixtures("_late_on_monday")
@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (datetime(2026, 11, 23, 7, 5, tzinfo=UTC), "08:05"),
        (datetime(2026, 11, 22, 22, 59, tzinfo=UTC), "22 November, 23:59"),
        (datetime(2026, 11, 22, 23, 1, tzinfo=UTC), "00:01"),
        (datetime(2025, 12, 31, 12, 0, tzinfo=UTC), "31 December 2025, 13:00"),
    ],
)
def test_a_time_has_its_day_before_it_unless_that_is_today(moment: datetime, words: str) -> None:
    # In Madrid it is half past eleven; the day is the 23rd.
    with timezone.override("Europe/Madrid"):
        assert clock(moment) == words


@pytest.mark.usefixtures("_late_on_monday")
@pytest.mark.parametrize(
    ("zone", "words"),
    [("UTC", "Yesterday"), ("Europe/Madrid", "Today"), ("Asia/Tokyo", "Yesterday")],
)
def test_a_day_is_that_of_the_readers_calendar(zone: str, words: str) -> None:
    with timezone.override(zone):
        assert day_label(datetime(2026, 11, 22, 23, 30, tzinfo=UTC)) == words


def test_templates_render_a_models_text_and_escape_everything_else() -> None:
    template = Template("{% load chat %}{{ text|markdown }}{{ text }}")

    html = template.render(Context({"text": "**<b>**"}))

    assert html == "<p><strong>&lt;b&gt;</strong></p>\n**&lt;b&gt;**"
