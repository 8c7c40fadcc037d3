"""What was seen of one run, from all sides, once everything is at rest. Nothing here judges.

Times are seconds of the machine's monotonic clock; those of the database are moved to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Sent:
    """A prompt, and how each attempt to send it was answered: None where no answer was heard."""

    text: str
    statuses: list[int | None] = field(default_factory=list)

    @property
    def is_accepted(self) -> bool:
        return any(status is not None and status < 400 for status in self.statuses)

    @property
    def is_refused(self) -> bool:
        """Every attempt was, and that was heard. An error of the server's says neither."""
        return all(
            status is not None and (400 <= status < 500 or status == 503)
            for status in self.statuses
        )


@dataclass(frozen=True, slots=True)
class Sight:
    """What a tab showed of a message, at the longest before something else replaced it."""

    tab: str
    message: int
    text: str


@dataclass(frozen=True, slots=True)
class LastLook:
    """What a tab and a page that was loaded anew show at the end: state and text by message."""

    tab: str
    shown: dict[int, tuple[str, str]]
    stored: dict[int, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Message:
    id: int
    parent: int | None
    role: str
    state: str
    text: str
    error: str


@dataclass(frozen=True, slots=True)
class Row:
    """Of the ledger."""

    id: int
    message: int
    state: str
    upstream_id: str
    error: str
    finish_reason: str
    started_at: float
    prompt_tokens: int | None
    completion_tokens: int | None
    low_output: int | None
    # Tokens in and out together, of an estimate: at least, and at most.
    least: int | None
    most: int | None


@dataclass(frozen=True, slots=True)
class Request:
    """One that the upstream saw. `written` are its numbered pieces."""

    number: int
    prompt: str
    answer_id: str
    status: int | None
    arrived_at: float
    ended_at: float | None
    written: tuple[str, ...]
    is_finished: bool
    gave_usage: bool
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Kill:
    """`hit` are the replies whose text was coming. `lag` is how old text was when it was last
    shown before: what the machine was good for in that moment."""

    node: int
    at: float
    hit: tuple[int, ...]
    is_calm: bool
    lag: float


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that ended otherwise than by a kill."""

    node: int
    status: int
    was_told: bool


@dataclass(slots=True)
class Evidence:
    sent: list[Sent] = field(default_factory=list)
    sights: list[Sight] = field(default_factory=list)
    misfits: list[str] = field(default_factory=list)
    last_looks: list[LastLook] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    # Texts that wait for the end of a reply.
    queued: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    journalled: list[int] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    kills: list[Kill] = field(default_factory=list)
    ends: list[Ended] = field(default_factory=list)
    # Names of processes: those that the database believes in, and those that are there.
    believed: list[str] = field(default_factory=list)
    living: list[str] = field(default_factory=list)
    # What `manage.py prove` says does not hold.
    disproved: list[str] = field(default_factory=list)
    # Where `manage.py usage verify` says that totals differ from the ledger.
    miscounted: list[str] = field(default_factory=list)
