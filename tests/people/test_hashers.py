"""Hashing takes memory, so it is done a few at a time; what is hashed is what Django would hash."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.hashers import (
    Argon2PasswordHasher,
    check_password,
    identify_hasher,
    make_password,
)

from chat.hashers import FewAtOnceHasher

PASSWORD = "a long enough password"

SALT = "a long enough salt"

pytestmark = pytest.mark.usefixtures("real_hashes")


def test_django_reads_its_hashes_and_it_reads_djangos() -> None:
    ours, djangos = FewAtOnceHasher().encode(PASSWORD, SALT), Argon2PasswordHasher()

    assert isinstance(identify_hasher(ours), FewAtOnceHasher)
    assert djangos.verify(PASSWORD, ours)
    assert check_password(PASSWORD, djangos.encode(PASSWORD, SALT))
    assert not check_password("not it", ours)


def test_never_more_than_two_are_hashed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = make_password(PASSWORD)
    lock, inside, most = threading.Lock(), 0, 0

    def counted(self: object, password: str, encoded: str) -> bool:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        time.sleep(0.02)
        with lock:
            inside -= 1
        return True

    monkeypatch.setattr(Argon2PasswordHasher, "verify", counted)
    monkeypatch.setattr(Argon2PasswordHasher, "must_update", lambda *_: False)
    with ThreadPoolExecutor(12) as threads:
        assert all(threads.map(lambda _: check_password(PASSWORD, encoded), range(12)))

    assert most == 2
