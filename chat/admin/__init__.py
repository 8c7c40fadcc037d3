"""Django's admin: people, conversations and the ledger, and never what anybody wrote."""

from chat.admin import ledger, people
from chat.admin.site import site

__all__ = ["ledger", "people", "site"]
