"""How long an upstream asks us to wait: three headers and one sentence say so."""

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

LONGEST_WAIT = 24 * 3600.0

_SENTENCE = re.compile(r"retry after (\d{1,6}) ?s", re.IGNORECASE)


def wait_asked_for(headers: Mapping[str, str], suggestion: str) -> float | None:
    """Seconds, at most a day; None where nothing was said or nothing could be understood."""
    values = {key.lower(): value for key, value in headers.items()}
    if (wait := _seconds(values.get("retry-after-ms", ""), unit=0.001)) is not None:
        return wait
    if (header := values.get("retry-after", "").strip()) and (
        wait := _from_header(header)
    ) is not None:
        return wait
    sentence = _SENTENCE.search(suggestion)
    return min(float(sentence[1]), LONGEST_WAIT) if sentence else None


def _from_header(header: str) -> float | None:
    return _until_date(header) if header[0].isalpha() else _seconds(header)


def _seconds(value: str, *, unit: float = 1.0) -> float | None:
    try:
        seconds = float(value) * unit
    except ValueError:
        return None
    return min(max(seconds, 0.0), LONGEST_WAIT) if math.isfinite(seconds) else None


def _until_date(value: str) -> float | None:
    try:
        wait = parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, OverflowError):
        return None
    return min(max(wait, 0.0), LONGEST_WAIT)
