"""The page that says how far off estimates are."""

from datetime import timedelta

from django.urls import reverse

from chat.domain import learned
from chat.models import User
from tests.usage.conftest import NOON, ClientFor, Spend

PAGE = "estimates"


def fill(spend: Spend, model: str) -> None:
    for _ in range(2 * learned.LEAST):
        spend(
            model_asked=model,
            prompt_characters=36,
            prompt_messages=1,
            text_characters=1644,
            first_text_at=NOON + timedelta(seconds=4),
        )


def test_it_says_for_each_model_how_far_off_estimates_are(
    rita: User, client_for: ClientFor, spend: Spend
) -> None:
    fill(spend, "Gemini-3.0-pro")
    spend(model_asked="rarely-used")

    page = client_for(rita).get(reverse(PAGE)).content.decode()

    # 1,480 tokens of thinking in four seconds, and 411 of text.
    for cell in ("20 of 20", ">4.0<", ">370<"):
        assert cell in page
    assert "rarely-used" not in page


def test_as_long_as_nothing_is_known_it_says_so(rita: User, client_for: ClientFor) -> None:
    page = client_for(rita).get(reverse(PAGE)).content.decode()

    assert "Nothing is known yet." in page
    assert "<table" not in page


def test_to_a_member_there_is_no_such_page(ben: User, client_for: ClientFor) -> None:
    assert client_for(ben).get(reverse(PAGE)).status_code == 404
