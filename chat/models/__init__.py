"""Users, conversations, messages and the ledger: one graph, one app."""

from chat.models.attachment import Attachment
from chat.models.bill import Bill, BilledDay
from chat.models.budget import Allowance, Budget, Hold
from chat.models.budget_request import BudgetRequest
from chat.models.completion import Completion
from chat.models.conversation import Conversation
from chat.models.correction import Correction, Revaluation
from chat.models.draft import Draft
from chat.models.feedback import Feedback
from chat.models.journal import JournalPiece
from chat.models.message import Message
from chat.models.meter import MeterReading
from chat.models.notice import Notice
from chat.models.preset import Preset
from chat.models.price import Price
from chat.models.process import Process
from chat.models.queued_message import QueuedMessage
from chat.models.saved_prompt import SavedPrompt
from chat.models.share_link import ShareLink, ShareOpening
from chat.models.total import Total
from chat.models.user import User

__all__ = [
    "Allowance",
    "Attachment",
    "Bill",
    "BilledDay",
    "Budget",
    "BudgetRequest",
    "Completion",
    "Conversation",
    "Correction",
    "Draft",
    "Feedback",
    "Hold",
    "JournalPiece",
    "Message",
    "Notice",
    "MeterReading",
    "Preset",
    "Price",
    "Process",
    "QueuedMessage",
    "Revaluation",
    "SavedPrompt",
    "ShareLink",
    "ShareOpening",
    "Total",
    "User",
]
