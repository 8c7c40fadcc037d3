"""What may be used at most, and how much of it is used or held by completions that run."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Self

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from chat.enums import Period
from chat.models.money import DECIMALS, MoneyField
from chat.models.price import Price
from chat.models.user import User


class BudgetQuerySet(models.QuerySet["Budget"]):
    def applying_to(self, user: User) -> Self:
        """Those for everybody, for a group of this person, and for this person."""
        for_everybody = Q(user=None, group=None)
        groups = user.groups.values("pk")
        return self.filter(
            for_everybody | Q(user=user) | Q(group__in=groups), is_active=True
        ).order_by("pk")


class Budget(models.Model):
    """A limit of tokens or of money in each day, week or month of the team's time zone."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="budgets",
        verbose_name=_("person"),
        help_text=_("Without a person and a group it is for everybody."),
    )
    group = models.ForeignKey(
        Group,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="budgets",
        verbose_name=_("group"),
    )
    is_shared = models.BooleanField(
        _("shared"),
        default=True,
        help_text=_("All of them have it together; otherwise each has as much."),
    )
    period = models.CharField(_("each"), max_length=5, choices=Period.choices)
    tokens = models.PositiveBigIntegerField(_("tokens"), null=True, blank=True)
    money = MoneyField(
        _("money"), null=True, blank=True, validators=[MinValueValidator(Decimal(0))]
    )
    currency = models.CharField(_("currency"), max_length=3, blank=True)
    is_hard = models.BooleanField(
        _("refuses"), default=True, help_text=_("What is over it is refused, and not only told of.")
    )
    is_active = models.BooleanField(_("in force"), default=True)

    objects = BudgetQuerySet.as_manager()

    class Meta:
        verbose_name = _("budget")
        verbose_name_plural = _("budgets")
        constraints = (
            models.CheckConstraint(
                condition=Q(user=None) | Q(group=None),
                name="budget_is_for_a_person_or_a_group",
                violation_error_message=_("Give a person or a group, not both."),
            ),
            models.CheckConstraint(
                condition=Q(tokens__isnull=False, money=None, currency="")
                | Q(Q(tokens=None, money__isnull=False), ~Q(currency="")),
                name="budget_is_of_tokens_or_of_money",
                violation_error_message=_("Give tokens, or money and its currency, not both."),
            ),
        )

    def __str__(self) -> str:
        return f"budget {self.pk}"

    # What was granted beside it for a time; `queries.budgets` reads it for a person and a moment.
    granted = 0

    @property
    def limit(self) -> int:
        return self.base + self.granted

    @property
    def base(self) -> int:
        """Its own limit in its smallest parts: tokens, or 10⁻¹² of the currency."""
        if self.tokens is not None:
            return self.tokens
        assert self.money is not None
        return parts_of(self.money)

    @property
    def is_had_together(self) -> bool:
        """Whether there is one allowance for all, or for the one person that it is for; of others
        each has one."""
        return self.is_shared or self.user_id is not None

    @property
    def is_with_others(self) -> bool:
        """Whether what one uses is not there for others any more."""
        return self.is_shared and self.user_id is None

    @property
    def facts(self) -> dict[str, Any]:
        """What there is to say of it, in no language."""
        owner = self.user or self.group
        return {
            "budget": self.pk,
            "period": self.period,
            "currency": self.currency,
            "is_shared": self.is_with_others,
            "is_each": not self.is_had_together,
            "name": owner.name if owner else "",
        }

    def parts(self, *, prompt: int, output: int, price: Price | None) -> int | None:
        """What so many tokens take of it. None of money where nobody has set a price in its
        currency."""
        if self.tokens is not None:
            return prompt + output
        if price is None or price.currency != self.currency:
            return None
        return parts_of(price.cost(prompt=prompt, cached=0, output=output))


class Allowance(models.Model):
    """What one period of a budget has left: for all, or for one of those who each have as much."""

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="allowances")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+"
    )
    start = models.DateTimeField()
    # In the smallest parts of the budget.
    used = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)
    # The last threshold of which people were told, in hundredths of the limit.
    told = models.PositiveSmallIntegerField(default=0, db_default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("budget", "start"),
                condition=Q(user=None),
                name="allowance_one_a_period",
            ),
            models.UniqueConstraint(
                fields=("budget", "user", "start"), name="allowance_one_a_period_and_person"
            ),
            models.CheckConstraint(
                condition=Q(used__gte=0, held__gte=0), name="allowance_is_not_negative"
            ),
        )

    def __str__(self) -> str:
        return f"allowance {self.pk} of budget {self.budget_id}"


class Hold(models.Model):
    """The worst case of a completion that runs. It goes when its ledger row closes, once."""

    completion = models.ForeignKey(
        "chat.Completion", on_delete=models.CASCADE, related_name="holds"
    )
    allowance = models.ForeignKey(Allowance, on_delete=models.CASCADE, related_name="holds")
    amount = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("completion", "allowance"), name="hold_one_a_completion"
            ),
        )

    def __str__(self) -> str:
        return f"hold {self.pk} of completion {self.completion_id}"


def parts_of(amount: Decimal) -> int:
    return int(amount.scaleb(DECIMALS))


def amount_of(parts: int) -> Decimal:
    return Decimal(parts).scaleb(-DECIMALS)
