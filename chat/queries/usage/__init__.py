"""What was used: read from the totals, which the ledger adds up to.

A conversation that was deleted has spent what it has spent. Days are the team's, whoever looks.
"""

from chat.models.money import Amounts
from chat.queries.usage.days import days
from chat.queries.usage.report import By, Report, lately, report
from chat.queries.usage.rows import Row
from chat.queries.usage.scope import Scope

__all__ = ["Amounts", "By", "Report", "Row", "Scope", "days", "lately", "report"]
