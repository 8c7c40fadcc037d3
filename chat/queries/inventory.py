"""How much there is: what a backup says of itself, and a proof of what it has looked at."""

from django.db import connection

from chat.models import Attachment, Completion, Conversation, Message, User


def counts() -> dict[str, int]:
    """Rows by what they are. Asks for nothing else, so a database of an older evoweb will do."""
    return {
        "people": User.objects.count(),
        "conversations": Conversation.objects.count(),
        "messages": Message.objects.count(),
        "ledger rows": Completion.objects.count(),
    }


def files() -> list[str]:
    """What rows name of what lies beside the database; an older evoweb had nothing there."""
    if Attachment._meta.db_table not in connection.introspection.table_names():
        return []
    pairs = Attachment.objects.values_list("sha256", "small_sha256")
    return sorted({name for pair in pairs.iterator() for name in pair})
