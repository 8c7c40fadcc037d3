"""How much there is: what a backup says of itself, and a proof of what it has looked at."""

from chat.models import Completion, Conversation, Message, User


def counts() -> dict[str, int]:
    """Rows by what they are. Asks for nothing else, so a database of an older evoweb will do."""
    return {
        "people": User.objects.count(),
        "conversations": Conversation.objects.count(),
        "messages": Message.objects.count(),
        "ledger rows": Completion.objects.count(),
    }
