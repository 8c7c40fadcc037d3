"""What must hold when all is over, however often the process died. A check gives what breaks it."""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from django.db.models import QuerySet, Sum

from chat.domain import queued, totals
from chat.enums import CompletionState, Fault, MessageState, Role, Source
from chat.models import Allowance, Completion, Conversation, JournalPiece, Message, QueuedMessage
from chat.queries import invariants, thread
from tests.crashes import diary as diaries
from tests.crashes.ana import key_of
from tests.crashes.databases import use
from tests.crashes.diary import Entry
from tests.crashes.scripts import ALL_QUESTIONS, ASKED_FOR_TITLE, TITLE, answer_to, thought_about
from tests.screen import Screen
from tests.upstream.records import Record


@dataclass(frozen=True, slots=True)
class Story:
    """All that is known of a case: what Ana did and saw, and what the upstream was sent."""

    folder: Path
    database: str
    requests: list[Record] = field(default_factory=list)

    @property
    def diary(self) -> Path:
        return self.folder / "diary"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def entries(self, what: str, words: str = "") -> list[Entry]:
        entries = diaries.read(self.diary)
        return [entry for entry in entries if entry.what == what and words in ("", entry.words)]

    def last_event(self, life: int) -> str:
        events = [entry.words for entry in self.entries("event") if entry.life == life]
        return events[-1] if events else "no event"

    def findings(self) -> list[str]:
        """What `examine` wrote down."""
        path = self.folder / "findings"
        if not path.exists():
            return ["the checks failed themselves"]
        return msgspec.json.decode(path.read_bytes(), type=list[str])


def examine(story: Story) -> None:
    """In a process of its own: write down what is wrong."""
    use(story.database)
    found = [f"{check.__name__}: {words}" for check in CHECKS for words in check(story)]
    (story.folder / "findings").write_bytes(msgspec.json.encode(found))


def everything_is_over(_story: Story) -> Iterator[str]:
    yield from (f"{reply} runs" for reply in Message.objects.running())
    yield from (f"{row}" for row in Completion.objects.open())
    yield from (f"{piece} is in the journal" for piece in JournalPiece.objects.all())


def the_data_is_as_it_has_to_be(_story: Story) -> Iterator[str]:
    yield from (str(finding) for finding in invariants.findings() if not finding.holds)


def what_is_counted_is_what_the_ledger_says(_story: Story) -> Iterator[str]:
    yield from map(str, totals.differences())
    took = sum((row.prompt or 0) + (row.output or 0) for row in Completion.objects.all())
    # A month may have ended meanwhile.
    found = Allowance.objects.aggregate(used=Sum("used", default=0), held=Sum("held", default=0))
    if found != {"used": took, "held": 0}:
        yield f"the budget has {found}, and {took} tokens were taken"


def accepted_prompts_are_there_once(story: Story) -> Iterator[str]:
    stored = Counter(Message.objects.filter(role=Role.USER).values_list("text", "send_key"))
    for question in sorted({entry.text for entry in story.entries("did", "send")}):
        if (count := stored[question, key_of(question)]) != 1:
            yield f"{question!r} is there {count} times"
    deeds = ("send", "queue")
    asked = {entry.text for deed in deeds for entry in story.entries("asks", deed)}
    yield from (f"{text!r} came of nothing" for text, _key in stored if text not in asked)
    yield from (f"{found} is there {count} times" for found, count in stored.items() if count > 1)


def what_waited_was_sent_or_still_waits(story: Story) -> Iterator[str]:
    """Whatever became of the reply before it, nobody has removed it."""
    for question in sorted({entry.text for entry in story.entries("did", "queue")}):
        key = key_of(question)
        waits = QueuedMessage.objects.filter(text=question, send_key=key).count()
        sent = Message.objects.filter(text=question, send_key=key).count()
        if (waits, sent) not in ((1, 0), (0, 1)):
            yield f"{question!r} waits {waits} times and was sent {sent} times"
    yield from (f"conversation {key} has its time to send" for key in queued.due())


def each_prompt_has_the_replies_that_were_asked_for(story: Story) -> Iterator[str]:
    tried = len(story.entries("did", "try_again"))
    may_have = len(story.entries("asks", "try_again"))
    surplus = 0
    for prompt in Message.objects.filter(role=Role.USER):
        count = prompt.children.replies().count()
        surplus += count - 1
        if count == 0:
            yield f"{prompt.text!r} has no reply"
    if not tried <= surplus <= may_have:
        yield f"{tried} to {may_have} replies were tried again, and {surplus} are there"


def a_send_always_gave_the_same_turn(story: Story) -> Iterator[str]:
    turns = {
        (entry.text, entry.conversation, entry.reply) for entry in story.entries("did", "send")
    }
    texts = Counter(text for text, _conversation, _reply in turns)
    yield from (f"{text!r} made {count} turns" for text, count in texts.items() if count > 1)


def replies_say_what_the_upstream_said(_story: Story) -> Iterator[str]:
    for reply in _replies():
        whole, thought = "".join(answer_to(_question(reply))), thought_about(_question(reply))
        if not whole.startswith(reply.text) or not thought.startswith(reply.reasoning):
            yield f"{reply} says {reply.text!r} after {reply.reasoning!r}"
        if reply.state == MessageState.COMPLETE and reply.text != whole:
            yield f"{reply} is complete, but says {reply.text!r}"


def what_nobody_had_begun_was_begun_later(_story: Story) -> Iterator[str]:
    yield from (f"{reply} was given up" for reply in _replies().filter(claim=None))


def what_was_shown_is_stored(story: Story) -> Iterator[str]:
    stored = dict(Message.objects.values_list("pk", "text"))
    for screen in _screens(story).values():
        for key, past in screen.past.items():
            for earlier, later in zip(past, [*past[1:], stored[key]], strict=True):
                if not later.startswith(earlier):
                    yield f"{key}: {earlier!r} was shown, then {later!r}"


def in_the_end_the_tab_shows_what_is_stored(story: Story) -> Iterator[str]:
    last = story.entries("did", "send")[-1].conversation
    branch = thread.branch(Conversation.objects.get(pk=last))
    stored = {message.pk: (message.state, message.text) for message in branch}
    screen = _screens(story).get(last, Screen())
    shown = {key: (screen.states[key], text) for key, text in screen.texts.items()}
    if shown != stored:
        yield f"shown: {shown}, stored: {stored}"


def what_was_done_stays_done(story: Story) -> Iterator[str]:
    gone_on = {entry.reply for entry in story.entries("asks", "go_on")}
    for stop in story.entries("did", "stop"):
        reply = Message.objects.get(pk=stop.reply)
        ended = reply.finished_at.timestamp() if reply.finished_at else math.inf
        if reply.stop_requested_at is None and ended > stop.at and reply.pk not in gone_on:
            yield f"{reply} was stopped, but went on"
    told = _replies().filter(state=MessageState.INTERRUPTED).exclude(stop_requested_at=None)
    for reply in told.filter(error__in=("", Fault.RESTARTED)):
        yield f"{reply} was stopped, but says that it was interrupted"
    deleted = Conversation.objects.exclude(deleted_at=None).count()
    if not len(story.entries("did", "delete")) <= deleted <= len(story.entries("asks", "delete")):
        yield f"{deleted} conversations are deleted"


def each_request_has_its_row(story: Story) -> Iterator[str]:
    """One closed row for each request, and none that claims to have cost without one."""
    for question in ALL_QUESTIONS:
        rows = list(_rows(question))
        asked = [record for record in story.requests if not _is_for_title(record)]
        requests = [record for record in asked if _asked(record) == question]
        ends = [*(row.started_at for row in rows[1:]), datetime.max.replace(tzinfo=UTC)]
        for row, end in zip(rows, ends, strict=False):
            own = [record for record in requests if row.started_at <= _arrival(record) < end]
            requests = [record for record in requests if record not in own]
            if len(own) > 1:
                yield f"{row} stands for {len(own)} requests"
            yield from _agree(row, own[0]) if own else _costs_nothing(row)
        yield from (f"request {record.number} has no row" for record in requests)


def a_title_is_asked_for_once_and_has_its_row(story: Story) -> Iterator[str]:
    rows = list(Completion.objects.filter(source=Source.TITLE))
    requests = [record for record in story.requests if _is_for_title(record)]
    if len(rows) > Conversation.objects.count() or len(requests) > len(rows):
        yield f"{len(requests)} titles were asked for, {len(rows)} have a row"
    for row in rows:
        yield from _agree(row, requests[0]) if requests else _costs_nothing(row)
    for title in Conversation.objects.values_list("title", flat=True):
        if title not in (TITLE, *ALL_QUESTIONS):
            yield f"a title is {title!r}"


def _is_for_title(record: Record) -> bool:
    return str(record.body["messages"][0]["content"]).startswith(ASKED_FOR_TITLE)


def _agree(row: Completion, record: Record) -> Iterator[str]:
    billed = (record.billed.prompt_tokens, record.billed.completion_tokens)
    if row.state == CompletionState.FINAL:
        if (row.prompt_tokens, row.completion_tokens) != billed:
            yield f"{row} has {row.prompt_tokens} and {row.completion_tokens}, billed is {billed}"
    elif row.state == CompletionState.ESTIMATED:
        low = (row.estimated_prompt_low or 0, row.estimated_output_low or 0)
        high = (row.estimated_prompt_high or 0, row.estimated_output_high or 0)
        if not all(a <= b <= c for a, b, c in zip(low, billed, high, strict=True)):
            yield f"{row} lies between {low} and {high}, billed is {billed}"
    elif any(billed):
        yield f"{row} is free, but {billed} is billed"


def _costs_nothing(row: Completion) -> Iterator[str]:
    if row.state == CompletionState.ESTIMATED:
        if (row.estimated_prompt_low, row.estimated_output_low) != (0, 0):
            yield f"{row} costs at least {row.estimated_output_low}, but nothing was asked"
    elif row.state != CompletionState.FAILED:
        yield f"{row}, but nothing was asked"


def nothing_was_logged_as_an_error(story: Story) -> Iterator[str]:
    for line in story.log.read_text().splitlines():
        if re.search(r"\b(ERROR|CRITICAL)\b|^Traceback|Warning: ", line):
            yield line


def _replies() -> QuerySet[Message]:
    return Message.objects.replies().select_related("parent").oldest_first()


def _question(reply: Message) -> str:
    assert reply.parent is not None
    return reply.parent.text


def _rows(question: str) -> QuerySet[Completion]:
    return Completion.objects.filter(message__parent__text=question).order_by("pk")


def _asked(record: Record) -> str:
    """What Ana asked last; whoever goes on is told so in words that are not hers."""
    texts: list[str] = [message["content"] for message in record.body["messages"]]
    return [text for text in texts if text in ALL_QUESTIONS][-1]


def _arrival(record: Record) -> datetime:
    """By the clock on the wall, where the upstream has a stop watch."""
    return datetime.fromtimestamp(record.arrived_at + time.time() - time.monotonic(), UTC)


def _screens(story: Story) -> dict[str, Screen]:
    """What the tab showed of each conversation, over all lives."""
    screens: dict[str, Screen] = {}
    for entry in story.entries("frame"):
        screens.setdefault(entry.conversation, Screen()).take(entry.words)
    return screens


CHECKS: tuple[Callable[[Story], Iterator[str]], ...] = (
    everything_is_over,
    the_data_is_as_it_has_to_be,
    what_is_counted_is_what_the_ledger_says,
    accepted_prompts_are_there_once,
    what_waited_was_sent_or_still_waits,
    each_prompt_has_the_replies_that_were_asked_for,
    a_send_always_gave_the_same_turn,
    replies_say_what_the_upstream_said,
    what_nobody_had_begun_was_begun_later,
    what_was_shown_is_stored,
    in_the_end_the_tab_shows_what_is_stored,
    what_was_done_stays_done,
    each_request_has_its_row,
    a_title_is_asked_for_once_and_has_its_row,
    nothing_was_logged_as_an_error,
)
