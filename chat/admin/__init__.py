"""Django's admin: people, conversations, the ledger and money, and never what anybody wrote."""

from chat.admin import bills, ledger, money, people
from chat.admin.site import site

__all__ = ["bills", "ledger", "money", "people", "site"]
