"""The prices that are known of the provider's models, to begin with.

Of EvoLink's pages where they name one, which have no date and looked like spring 2026, and of its
documentation of that summer; else the makers' list prices as of 21 August 2026. Administrators replace them by those of their contract.
"""

from datetime import UTC, datetime
from decimal import Decimal

from django.db import migrations

PAGE = datetime(2026, 3, 1, tzinfo=UTC), "EvoLink's page, read in 2026"
MANUAL = datetime(2026, 7, 1, tzinfo=UTC), "EvoLink's documentation, July and August 2026"
LIST = datetime(2026, 8, 21, tzinfo=UTC), "The maker's list price of 21 August 2026"
AFTER_INTRODUCTION = datetime(2027, 1, 1, tzinfo=UTC), "The maker's list price after 2026"
GPT = datetime(2026, 7, 30, tzinfo=UTC), "The maker's list price from 30 July 2026"

# Model, since when and wherefrom, then a million prompt, cached and completion tokens; and for
# prompts that are longer than a number of tokens the same three.
PRICES = (
    ("Gemini-3.0-pro", PAGE, "1.60 0.160 9.60", (200_000, "3.20 0.319 14.40")),
    ("gemini-3-pro-preview", PAGE, "1.60 0.160 9.60", (200_000, "3.20 0.319 14.40")),
    ("gemini-3-flash-preview", PAGE, "0.40 0.040 2.40", None),
    ("gemini-3.1-flash-lite-preview", PAGE, "0.20 0.019 1.20", None),
    (
        "gemini-3.1-pro-preview-customtools",
        PAGE,
        "1.60 0.161 9.60",
        (200_000, "3.20 0.322 14.40"),
    ),
    ("gemini-2.5-flash", PAGE, "0.24 0.024 2.00", None),
    ("gemini-2.5-flash-lite", PAGE, "0.081 0.0083 0.321", None),
    ("claude-fable-5", MANUAL, "9.00 0.90 45.00", None),
    ("claude-sonnet-5", MANUAL, "2.70 0.27 13.50", None),
    ("claude-haiku-4-5", MANUAL, "0.90 0.09 4.50", None),
    ("gemini-3.1-pro-preview", LIST, "2 0.20 12", (200_000, "4 0.40 18")),
    ("gemini-3.7-flash", LIST, "0.75 0.075 3.75", None),
    ("gemini-3.7-flash", AFTER_INTRODUCTION, "1.50 0.15 7.50", None),
    ("gemini-3.6-flash", LIST, "0.75 0.075 3.75", None),
    ("gemini-3.6-flash", AFTER_INTRODUCTION, "1.50 0.15 7.50", None),
    ("gemini-3.5-flash", LIST, "1.50 0.15 9.00", None),
    ("gemini-3.5-flash-lite", LIST, "0.30 0.03 2.50", None),
    ("gemini-2.5-pro", LIST, "1.25 0.125 10", (200_000, "2.50 0.25 15")),
    ("gpt-5.6-sol", LIST, "5 0.50 30", (272_000, "10 1.00 45")),
    ("gpt-5.5", LIST, "5 0.50 30", (272_000, "10 1.00 45")),
    ("gpt-5.6-terra", GPT, "2 0.20 12", None),
    ("gpt-5.6-luna", GPT, "0.20 0.02 1.20", None),
    ("gpt-5.4", LIST, "2.50 0.25 15", None),
    ("gpt-5.2", LIST, "1.75 0.175 14", None),
    ("gpt-5.1", LIST, "1.25 0.125 10", None),
    ("grok-4.5", LIST, "2 0.30 6", (200_000, "4 0.30 12")),
    ("deepseek-v4-flash", LIST, "0.14 0.028 0.28", None),
    ("deepseek-v4-pro", LIST, "1.74 0.145 3.48", None),
)


def enter(apps, schema_editor):
    price = apps.get_model("chat", "Price")
    for model, (effective_from, source), rates, long in PRICES:
        over, long_rates = long or (None, "")
        names = ("prompt", "cached", "completion")
        fields = dict(zip(names, map(Decimal, rates.split()), strict=True))
        if long_rates:
            long_names = (f"long_{name}" for name in names)
            fields |= dict(zip(long_names, map(Decimal, long_rates.split()), strict=True))
        price.objects.create(
            model=model,
            effective_from=effective_from,
            currency="USD",
            source=source,
            is_shipped=True,
            long_prompt_over=over,
            **fields,
        )


def take_back(apps, schema_editor):
    prices = apps.get_model("chat", "Price").objects.filter(is_shipped=True)
    prices.filter(completions=None).delete()


class Migration(migrations.Migration):
    dependencies = [("chat", "0004_prices_and_totals")]

    operations = [migrations.RunPython(enter, take_back)]
