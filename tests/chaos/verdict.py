"""Judges what was seen. Pure: each promise is a function from the evidence to what breaks it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.chaos.evidence import Evidence, Kill, Message, Request, Row
from tests.chaos.plan import FEWEST_HIT

PIECE = re.compile(r"r(\d+)n(\d+)t(\d+);")
RUNNING = ("waiting", "streaming")
# Seconds. A stamp is taken before a row is written elsewhere on the same machine.
CLOCK_SLACK = 2.0
# Milliseconds of text that a kill may cost by the design, beside what the process had not read yet;
# and beyond which it cannot be the machine any more.
MOST_LOST_MS, SURELY_LOST_MS = 100.0, 1000.0


@dataclass(frozen=True, slots=True)
class Broken:
    promise: str
    by: str

    def __str__(self) -> str:
        return f"{self.promise}: {self.by}"


@dataclass(frozen=True, slots=True)
class Loss:
    """What the kill of its process cost a reply, in milliseconds of the upstream's text."""

    kill: Kill
    request: int
    milliseconds: float


def judge(evidence: Evidence) -> list[Broken]:
    return [
        Broken(promise, by) for promise, broken_by in PROMISES.items() for by in broken_by(evidence)
    ]


# Prompts


def _accepted_prompts_not_there_once(evidence: Evidence) -> Iterator[str]:
    """One that waits for a reply to end is there too: after a kill it waits for its author."""
    stored = _prompts(evidence) + Counter(evidence.queued)
    for sent in evidence.sent:
        count = stored[sent.text]
        if sent.is_accepted and count != 1:
            yield f"{sent.text!r} was accepted ({sent.statuses}) and is there {count} times"


def _refused_prompts_that_are_there(evidence: Evidence) -> Iterator[str]:
    stored = _prompts(evidence) + Counter(evidence.queued)
    for sent in evidence.sent:
        count = stored[sent.text]
        if not sent.is_accepted and count > (0 if sent.is_refused else 1):
            yield f"{sent.text!r} was not accepted ({sent.statuses}) and is there {count} times"


def _prompts_of_nobody(evidence: Evidence) -> Iterator[str]:
    known = {sent.text for sent in evidence.sent}
    yield from (f"{text!r}" for text in _prompts(evidence) if text not in known)


def _prompts(evidence: Evidence) -> Counter[str]:
    return Counter(message.text for message in evidence.messages if message.role == "user")


# Texts


def _texts_that_were_not_written_so(evidence: Evidence) -> Iterator[str]:
    """Gap, repetition, disorder, and what the upstream never wrote."""
    written = {request.number: request.written for request in evidence.requests}
    for reply in _replies(evidence):
        if fault := fault_of(reply.text, written):
            yield f"message {reply.id} ({reply.state}): {fault}"


def fault_of(text: str, written: dict[int, tuple[str, ...]]) -> str:
    """What is wrong with a text that should be beginnings of what was written to some requests, one
    after the other; empty if nothing is."""
    position, request, number = 0, 0, -1
    for found in PIECE.finditer(text):
        if found.start() != position:
            break
        here, count = int(found[1]), int(found[2])
        if here != request:
            if here < request:
                return f"{found[0]} comes after text of request {request}"
            request, number = here, -1
        if count != number + 1:
            return f"{found[0]} comes after number {number} of that request"
        pieces = written.get(here, ())
        if count >= len(pieces) or pieces[count] != found[0]:
            return f"{found[0]} was never written"
        position, number = found.end(), count
    rest = text[position:]
    return f"after {position} characters stands {rest[:60]!r}" if rest else ""


def _whole_answers_with_less(evidence: Evidence) -> Iterator[str]:
    written = {request.number: request.written for request in evidence.requests}
    for reply in _replies(evidence):
        pieces = PIECE.findall(reply.text)
        if reply.state != "complete" or not pieces:
            continue
        request, number = int(pieces[-1][0]), int(pieces[-1][1])
        if number + 1 != (count := len(written.get(request, ()))):
            yield f"message {reply.id} ends with piece {number} of {count} of request {request}"


def _shown_and_not_stored(evidence: Evidence) -> Iterator[str]:
    stored = {message.id: message.text.strip() for message in evidence.messages}
    for sight in evidence.sights:
        text = stored.get(sight.message)
        if text is None:
            yield f"tab {sight.tab} showed message {sight.message}, which is not there"
        elif not text.startswith(sight.text.strip()):
            at = _parting(text, sight.text)
            yield (
                f"tab {sight.tab} showed of message {sight.message} after {at} characters "
                f"{sight.text[at : at + 60]!r}, where {text[at : at + 60]!r} is stored"
            )


def _parting(first: str, second: str) -> int:
    pairs = zip(first, second, strict=False)
    return next((at for at, (one, other) in enumerate(pairs) if one != other), len(first))


def _tabs_that_show_something_else(evidence: Evidence) -> Iterator[str]:
    for look in evidence.last_looks:
        for key in sorted({*look.shown, *look.stored}):
            shown, stored = look.shown.get(key), look.stored.get(key)
            if shown != stored:
                yield f"tab {look.tab}, message {key}: {_brief(shown)} instead of {_brief(stored)}"


def _brief(shown: tuple[str, str] | None) -> str:
    if shown is None:
        return "nothing"
    state, text = shown
    return f"{state}, {len(text)} characters, …{text[-40:]!r}"


def _frames_that_fit_no_page(evidence: Evidence) -> Iterator[str]:
    yield from evidence.misfits


# Ledger


def _requests_without_a_row(evidence: Evidence) -> Iterator[str]:
    _, without, _ = accounts(evidence)
    for request in without:
        yield (
            f"request {request.number} for {request.prompt!r} "
            f"(status {request.status}, {len(request.written)} pieces)"
        )


def _rows_that_charge_for_nothing(evidence: Evidence) -> Iterator[str]:
    _, _, without = accounts(evidence)
    for row in without:
        is_careful = row.state == "estimated" and row.low_output == 0
        if row.state != "failed" and not is_careful:
            yield f"row {row.id} of message {row.message}: {row.state} ({row.error or 'no error'})"


def _open_rows(evidence: Evidence) -> Iterator[str]:
    for row in evidence.rows:
        if row.state == "open":
            yield f"row {row.id} of message {row.message}"


def _figures_of_their_own(evidence: Evidence) -> Iterator[str]:
    together, _, _ = accounts(evidence)
    for row, request in together:
        found = (row.prompt_tokens, row.completion_tokens)
        said = (request.prompt_tokens, request.completion_tokens)
        if row.state == "final" and (not request.gave_usage or found != said):
            yield f"row {row.id} has {found}; request {request.number} was billed {said}"


def _figures_left_out(evidence: Evidence) -> Iterator[str]:
    """Of answers that were read to their end; who stops one may do so before its figures."""
    together, _, _ = accounts(evidence)
    whole = {reply.id for reply in _replies(evidence) if reply.state == "complete"}
    for row, request in together:
        was_read = row.message in whole and row.finish_reason and not row.error
        if was_read and request.gave_usage and row.state != "final":
            yield f"row {row.id} is {row.state}; request {request.number} gave its figures"


def _bills_outside_the_bounds(evidence: Evidence) -> Iterator[str]:
    """Of all that was answered together: a single bound may be missed, by a little."""
    least, most = bounds(evidence)
    if not least <= billed(evidence) <= most:
        yield f"{billed(evidence)} tokens were billed, and the ledger has {least} to {most}"


def billed(evidence: Evidence) -> int:
    """By the upstream, for all that it answered, in tokens."""
    return sum(
        request.prompt_tokens + request.completion_tokens
        for request in evidence.requests
        if request.status == 200
    )


def bounds(evidence: Evidence) -> tuple[int, int]:
    """Between which all rows together lie, in tokens."""
    least = most = 0
    for row in evidence.rows:
        known = (row.prompt_tokens or 0) + (row.completion_tokens or 0)
        least += known if row.state == "final" else row.least or 0
        most += known if row.state == "final" else row.most or 0
    return least, most


def _errors_of_ours(evidence: Evidence) -> Iterator[str]:
    for reply in _replies(evidence):
        if reply.error == "internal":
            yield f"message {reply.id}"
    for row in evidence.rows:
        if row.error == "internal":
            yield f"row {row.id} of message {row.message}"


def accounts(
    evidence: Evidence,
) -> tuple[list[tuple[Row, Request]], list[Request], list[Row]]:
    """Rows and requests that belong together, requests without a row, rows without a request.

    The upstream's id says it; a row that never heard one goes with some request for its prompt.
    """
    by_id = {request.answer_id: request for request in evidence.requests if request.answer_id}
    together: list[tuple[Row, Request]] = []
    nameless: list[Row] = []
    for row in evidence.rows:
        request = by_id.pop(row.upstream_id, None)
        if request is None:
            nameless.append(row)
        else:
            together.append((row, request))
    named = {request.number for _, request in together}
    left = [request for request in evidence.requests if request.number not in named]
    pairs = _paired(left, nameless, _prompt_of_message(evidence))
    together += pairs
    taken = {row.id for row, _ in pairs}
    found = {request.number for _, request in pairs}
    return (
        together,
        [request for request in left if request.number not in found],
        [row for row in nameless if row.id not in taken],
    )


def _paired(
    requests: list[Request], rows: list[Row], prompts: dict[int, str]
) -> list[tuple[Row, Request]]:
    """As many pairs as there can be of a request and a row that may be its own."""
    owner: dict[int, Request] = {}
    of_prompt: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        of_prompt[prompts.get(row.message, "")].append(row)

    def place(request: Request, tried: set[int]) -> bool:
        for row in of_prompt[request.prompt]:
            if row.id not in tried and _may_be(row, request):
                tried.add(row.id)
                if row.id not in owner or place(owner[row.id], tried):
                    owner[row.id] = request
                    return True
        return False

    for request in sorted(requests, key=lambda each: each.arrived_at):
        place(request, set())
    return [(row, owner[row.id]) for row in rows if row.id in owner]


def _may_be(row: Row, request: Request) -> bool:
    """An answer that has begun is billed, so its row has not failed."""
    is_earlier = row.started_at <= request.arrived_at + CLOCK_SLACK
    return is_earlier and not row.upstream_id and not (request.written and row.state == "failed")


def _prompt_of_message(evidence: Evidence) -> dict[int, str]:
    texts = {message.id: message.text for message in evidence.messages}
    return {reply.id: texts.get(reply.parent, "") for reply in _replies(evidence) if reply.parent}


# Rest


def _replies_left_running(evidence: Evidence) -> Iterator[str]:
    for reply in _replies(evidence):
        if reply.state in RUNNING:
            yield f"message {reply.id} is {reply.state}"


def _journal_of_finished_replies(evidence: Evidence) -> Iterator[str]:
    yield from (f"message {key}" for key in sorted(set(evidence.journalled)))


def _processes_that_are_none(evidence: Evidence) -> Iterator[str]:
    yield from sorted((Counter(evidence.believed) - Counter(evidence.living)).elements())


def _processes_without_row(evidence: Evidence) -> Iterator[str]:
    yield from sorted((Counter(evidence.living) - Counter(evidence.believed)).elements())


def _processes_that_ended_badly(evidence: Evidence) -> Iterator[str]:
    for ended in evidence.ends:
        if not ended.was_told or ended.status != 0:
            how = "told to" if ended.was_told else "by itself"
            yield f"process {ended.node} ended {how} with status {ended.status}"


def _disproved(evidence: Evidence) -> Iterator[str]:
    yield from evidence.disproved


def _miscounted(evidence: Evidence) -> Iterator[str]:
    yield from evidence.miscounted


# Kills


def _kills_that_hit_too_few(evidence: Evidence) -> Iterator[str]:
    for kill in evidence.kills:
        if len(kill.hit) < FEWEST_HIT:
            yield f"the kill of process {kill.node} hit {len(kill.hit)}"


def _text_lost_by_kills(evidence: Evidence) -> Iterator[str]:
    for loss in losses(evidence):
        allowed = SURELY_LOST_MS + loss.kill.lag * 1000
        if loss.kill.is_calm and loss.milliseconds > allowed:
            yield (
                f"request {loss.request}: {loss.milliseconds:.0f} ms before the kill of "
                f"process {loss.kill.node} (at most {allowed:.0f})"
            )


def losses(evidence: Evidence) -> list[Loss]:
    """For each request whose answer a kill cut off: from the first of its pieces that had been
    written and is not stored, to the kill."""
    stored: dict[int, int] = defaultdict(int)
    for reply in _replies(evidence):
        for request, number, _ in PIECE.findall(reply.text):
            stored[int(request)] = max(stored[int(request)], int(number) + 1)
    prompts = _prompt_of_message(evidence)
    found: list[Loss] = []
    for kill in evidence.kills:
        hit = {prompts.get(key) for key in kill.hit}
        for request in evidence.requests:
            if request.prompt in hit and _was_running(request, kill.at):
                missing = [
                    stamp
                    for piece in request.written[stored[request.number] :]
                    if (stamp := _stamp(piece)) < kill.at
                ]
                lost = (kill.at - missing[0]) * 1000 if missing else 0.0
                found.append(Loss(kill, request.number, lost))
    return found


def _was_running(request: Request, at: float) -> bool:
    return request.arrived_at < at and (request.ended_at is None or request.ended_at >= at)


def _stamp(piece: str) -> float:
    found = PIECE.fullmatch(piece)
    assert found is not None, piece
    return int(found[3]) / 1e9


def _replies(evidence: Evidence) -> list[Message]:
    return [message for message in evidence.messages if message.role == "assistant"]


PROMISES: dict[str, Callable[[Evidence], Iterator[str]]] = {
    "An accepted prompt is there exactly once": _accepted_prompts_not_there_once,
    "A refused prompt is not there": _refused_prompts_that_are_there,
    "No prompt is there that nobody sent": _prompts_of_nobody,
    "What is stored is what the upstream wrote, in order": _texts_that_were_not_written_so,
    "A complete answer is all of it": _whole_answers_with_less,
    "What was shown is stored": _shown_and_not_stored,
    "A tab shows in the end what is stored": _tabs_that_show_something_else,
    "A frame fits the page": _frames_that_fit_no_page,
    "A request has a row of its own": _requests_without_a_row,
    "A row without a request charges for no answer": _rows_that_charge_for_nothing,
    "No row is open": _open_rows,
    "Final figures are the upstream's": _figures_of_their_own,
    "Figures that were given are taken": _figures_left_out,
    "The bill lies within the bounds of the ledger": _bills_outside_the_bounds,
    "Nothing fails by a fault of ours": _errors_of_ours,
    "No reply is left running": _replies_left_running,
    "The journal is empty": _journal_of_finished_replies,
    "A row of a process is a process": _processes_that_are_none,
    "A process has a row": _processes_without_row,
    "A process ends when it is told to, and well": _processes_that_ended_badly,
    "What has to be true of the database is": _disproved,
    "The totals are what the ledger adds up to": _miscounted,
    "A kill hits several answers": _kills_that_hit_too_few,
    "A kill costs next to no text": _text_lost_by_kills,
}
