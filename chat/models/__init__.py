"""Users, conversations, messages and the ledger: one graph, one app."""

from chat.models.bill import Bill, BilledDay
from chat.models.budget import Allowance, Budget, Hold
from chat.models.budget_request import BudgetRequest
from chat.models.completion import Completion
from chat.models.conversation import Conversation
from chat.models.correction import Correction, Revaluation
from chat.models.journal import JournalPiece
from chat.models.message import Message
from chat.models.meter import MeterReading
from chat.models.notice import Notice
from chat.models.price import Price
from chat.models.process import Process
from chat.models.total import Total
from chat.models.user import User

__all__ = [
    "Allowance",
    "Bill",
    "BilledDay",
    "Budget",
    "BudgetRequest",
    "Completion",
    "Conversation",
    "Correction",
    "Hold",
    "JournalPiece",
    "Message",
    "Notice",
    "MeterReading",
    "Price",
    "Process",
    "Revaluation",
    "Total",
    "User",
]
