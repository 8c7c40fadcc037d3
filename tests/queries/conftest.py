"""Ana and a conversation of hers."""

from __future__ import annotations

import pytest

from chat.models import Conversation, User
from tests.factories import make_conversation, make_user


@pytest.fixture
def ana(db: None) -> User:
    return make_user("ana")


@pytest.fixture
def conversation(ana: User) -> Conversation:
    return make_conversation(ana)
