"""Passwords are hashed a few at a time: each takes a hundred megabytes, and requests have a thread
each, so that a flood of attempts to sign in would otherwise take all the memory there is."""

import threading

from django.contrib.auth.hashers import Argon2PasswordHasher

_few = threading.BoundedSemaphore(2)


class FewAtOnceHasher(Argon2PasswordHasher):
    """Django's own in everything else; the hashes are the same."""

    def encode(self, password: str, salt: str) -> str:
        with _few:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _few:
            return super().verify(password, encoded)
