"""Ana, who owns a conversation, Ben, who does not, and a way to do things at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from django.db import connections

from chat.models import Conversation, User
from tests.factories import make_conversation, make_user

T = TypeVar("T")


@pytest.fixture
def ana(db: None) -> User:
    return make_user("ana")


@pytest.fixture
def ben(db: None) -> User:
    return make_user("ben")


@pytest.fixture
def conversation(ana: User) -> Conversation:
    return make_conversation(ana)


def at_once(deed: Callable[[], T], *, times: int = 8) -> list[T | Exception]:
    """Do it from as many threads at the same moment. Gives what came of each, refusals included.

    Needs committed rows: ask for `transactional_db`.
    """
    line = threading.Barrier(times)

    def alone() -> T | Exception:
        line.wait(5)
        try:
            return deed()
        except Exception as refusal:  # noqa: BLE001 (for the test to judge)
            return refusal
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as threads:
        return [future.result(30) for future in [threads.submit(alone) for _ in range(times)]]
