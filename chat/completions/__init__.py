"""The upstream client: requests out, frozen events in, one tree of errors.

It speaks HTTP and JSON through httpx and msgspec. It knows no Django and nothing of the chat.
"""
