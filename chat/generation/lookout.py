"""Tells viewers what nobody told them: changes by other programs, and rights that ended."""

from __future__ import annotations

import uuid

from chat.generation.hub import Hub
from chat.generation.pool import DatabasePool
from chat.queries import people, revisions, sharing


class Lookout:
    def __init__(self, *, hub: Hub, pool: DatabasePool) -> None:
        self._hub = hub
        self._pool = pool
        # The revisions of watched conversations, when they were last looked at.
        self._seen: dict[uuid.UUID, int] = {}

    async def look(self) -> None:
        """Two queries for all viewers, and one if any of them came by a link."""
        watched = self._hub.watched()
        if not watched:
            return
        now = await self._pool.run(revisions.of_conversations, watched)
        # Only these are judged: whoever comes in meanwhile was not asked about.
        sessions = self._hub.sessions()
        current = await self._pool.run(people.current_sessions, sessions)
        for session_key in sessions - current:
            self._hub.end(session_key)
        if shares := self._hub.shares():
            for token in shares - await self._pool.run(sharing.current_tokens, shares):
                self._hub.end(token)
        for key in watched:
            # One that is gone is none that has not changed, even if it was never seen.
            if key not in now or self._seen.get(key) != now[key]:
                self._hub.changed(key)
        self._seen = now
