"""What people thought of answers, by model. Never of which answers, nor who."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import timedelta

from chat.enums import Verdict, Why
from chat.models import Feedback
from chat.queries.usage.scope import Scope

# As many words as are shown of a period, the newest first.
MOST_WORDS = 50


@dataclass(slots=True)
class Opinion:
    """Of a model's answers in a period, and in the equally long one before it."""

    model: str
    good: int = 0
    bad: int = 0
    good_before: int = 0
    bad_before: int = 0
    whys: Counter[str] = field(default_factory=Counter)

    @property
    def given(self) -> int:
        return self.good + self.bad

    @property
    def given_before(self) -> int:
        return self.good_before + self.bad_before

    @property
    def reasons(self) -> list[tuple[Why, int]]:
        """The most frequent first."""
        ordered = sorted(self.whys.items(), key=lambda each: (-each[1], each[0]))
        return [(Why(why), count) for why, count in ordered if why in Why.values]


def opinions(scope: Scope) -> list[Opinion]:
    """Those of most verdicts first. One query."""
    begun, end = scope.moments
    before = Scope(scope.start - timedelta(days=scope.days), scope.start).moments[0]
    found: dict[str, Opinion] = defaultdict(lambda: Opinion(""))
    rows = Feedback.objects.filter(given_at__gte=before, given_at__lt=end)
    for model, verdict, given_at, reasons in rows.values_list(
        "model", "verdict", "given_at", "reasons"
    ):
        opinion = found[model]
        opinion.model = model
        is_good = verdict == Verdict.GOOD
        if given_at >= begun:
            opinion.good += is_good
            opinion.bad += not is_good
            opinion.whys.update(reasons)
        else:
            opinion.good_before += is_good
            opinion.bad_before += not is_good
    return sorted(found.values(), key=lambda each: (-each.given, each.model))


def words(scope: Scope) -> list[Feedback]:
    """What people let reviewers read."""
    begun, end = scope.moments
    told = Feedback.objects.readable().filter(given_at__gte=begun, given_at__lt=end)
    return list(
        told.only("model", "verdict", "text", "given_at").order_by("-given_at")[:MOST_WORDS]
    )
