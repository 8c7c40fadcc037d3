"""What the log says when an attempt fails: the cause, for whoever runs evoweb."""

from __future__ import annotations

import logging

from chat.completions.errors import CompletionError
from chat.completions.families import OTHER_NAMES
from chat.completions.request import CompletionRequest
from chat.domain import prompts, quotes

logger = logging.getLogger(__name__)

# What nobody but an operator can mend, and how.
ADVICE = {
    "key_refused": "check EVOLINK_API_KEY",
    "quota_exhausted": "give the upstream's account credit",
    "model_not_found": "check EVOLINK_MODELS",
    "not_found": "check EVOLINK_BASE_URL and EVOLINK_MODELS",
}


def log(reply_id: int, error: CompletionError, request: CompletionRequest) -> None:
    """Log why an attempt at a reply failed, without what the upstream quotes of the request."""
    words = quotes.struck(f"{error}{_hints(error)}", prompts.texts(request))
    if error.code in ADVICE:
        logger.error("Reply %s: %s; %s", reply_id, words, _advice(error.code, request.model))
    else:
        logger.warning("Reply %s: %s", reply_id, words)


def _hints(error: CompletionError) -> str:
    suggestion = f" (the upstream suggests: {error.suggestion})" if error.suggestion else ""
    wait = f" (it asks to wait {error.retry_after:g} s)" if error.retry_after else ""
    return suggestion + wait


def _advice(code: str, model: str) -> str:
    other = OTHER_NAMES.get(model.lower()) if code == "model_not_found" else None
    hint = f", elsewhere {model} is called {other}" if other else ""
    return f"{ADVICE[code]}{hint}; manage.py upstream check says more"
