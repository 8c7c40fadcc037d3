"""Links by which conversations are read: those of an owner, and those that are current."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Prefetch
from django.utils import timezone

from chat.models import Conversation, ShareLink, ShareOpening
from chat.models.share_link import digest_of

# So many are listed, the newest first: what is older has ended long ago.
LISTED = 50


@dataclass(frozen=True, slots=True)
class Shared:
    """A link as its owner sees it."""

    link: ShareLink
    # Whoever opened it last comes first.
    openings: list[ShareOpening]

    @property
    def times(self) -> int:
        return sum(opening.times for opening in self.openings)


def links_to(conversation: Conversation) -> list[Shared]:
    """Two queries."""
    readers = ShareOpening.objects.select_related("reader").order_by("-last_at")
    links = ShareLink.objects.filter(conversation=conversation).newest_first()
    listed = links.prefetch_related(Prefetch("openings", readers))[:LISTED]
    return [Shared(link, list(link.openings.all())) for link in listed]


def current_tokens(tokens: Collection[str]) -> set[str]:
    """Those of these tokens whose links open something still."""
    by_digest = {digest_of(token): token for token in tokens}
    current = ShareLink.objects.current(timezone.now()).filter(token_hash__in=by_digest)
    return {by_digest[digest] for digest in current.values_list("token_hash", flat=True)}
