"""Numbers that pages put into addresses."""


def whole_number(text: str) -> int:
    """What makes no sense, or is more than a database holds, is read as nothing."""
    return int(text) if text.isdecimal() and len(text) < 18 else 0
