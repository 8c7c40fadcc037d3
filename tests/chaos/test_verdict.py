"""The verdict on a run goes red for each promise, and only for what breaks it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos.evidence import (
    Ended,
    Evidence,
    Kill,
    LastLook,
    Message,
    Request,
    Row,
    Sent,
    Sight,
)
from tests.chaos.verdict import PROMISES, fault_of, judge, losses

FIRST = ("r1n0t1000000000;", "r1n1t2000000000;", "r1n2t3000000000;")
SECOND = ("r2n0t5000000000;", "r2n1t6000000000;")
CROWD = range(101, 107)


def evidence() -> Evidence:
    """A run in which all held: an answer was cut off by a kill and went on, one was refused."""
    text = "".join((*FIRST[:2], *SECOND))
    return Evidence(
        sent=[
            Sent("Prompt 1", [None, 302]),
            Sent("Prompt 2", [409]),
            Sent("Prompt 3", [None]),
            Sent("Prompt 5", [302]),
        ],
        queued=["Prompt 5", "Of an earlier run"],
        sights=[Sight("0", 11, FIRST[0]), Sight("0", 11, text)],
        last_looks=[LastLook("0", {11: ("complete", text)}, {11: ("complete", text)})],
        messages=[
            Message(10, None, "user", "complete", "Prompt 1", ""),
            Message(11, 10, "assistant", "complete", text, ""),
        ],
        rows=[
            Row(1, 11, "failed", "", "overloaded", "", 0.1, None, None, None, None, None),
            Row(2, 11, "estimated", "", "restarted", "", 0.5, None, None, 1, 5, 40),
            Row(3, 11, "final", "two", "", "stop", 4.5, 9, 2, None, None, None),
            Row(4, 11, "estimated", "", "restarted", "", 0.1, None, None, 0, 0, 30),
        ],
        requests=[
            _request(0, "none", (), arrived_at=0.2, ended_at=0.2, status=503),
            _request(1, "one", FIRST, arrived_at=0.9, ended_at=3.1),
            _request(2, "two", SECOND, arrived_at=4.9, ended_at=7.0, gave_usage=True),
        ],
        kills=[Kill(0, 3.05, (11, *CROWD), is_calm=True, lag=0.05)],
        ends=[Ended(1, 0, was_told=True)],
        believed=["here:1"],
        living=["here:1"],
    )


def _request(
    number: int,
    answer_id: str,
    written: tuple[str, ...],
    *,
    arrived_at: float,
    ended_at: float | None = None,
    status: int = 200,
    gave_usage: bool = False,
) -> Request:
    return Request(
        number=number,
        prompt="Prompt 1",
        answer_id=answer_id,
        status=status,
        arrived_at=arrived_at,
        ended_at=ended_at,
        written=written,
        is_finished=gave_usage,
        gave_usage=gave_usage,
        prompt_tokens=9,
        completion_tokens=2,
    )


def _reply(found: Evidence, **changes: object) -> None:
    found.messages[1] = replace(found.messages[1], **changes)  # type: ignore[arg-type]


def _row(found: Evidence, number: int, **changes: object) -> None:
    found.rows[number] = replace(found.rows[number], **changes)  # type: ignore[arg-type]


def _lose_prompt(found: Evidence) -> None:
    found.messages[0] = replace(found.messages[0], text="Prompt 3")


def _double_prompt(found: Evidence) -> None:
    found.messages.append(Message(12, 11, "user", "complete", "Prompt 1", ""))


def _keep_refused(found: Evidence) -> None:
    found.messages.append(Message(12, 11, "user", "complete", "Prompt 2", ""))


def _double_unheard(found: Evidence) -> None:
    found.messages += [
        Message(number, 11, "user", "complete", "Prompt 3", "") for number in (12, 13)
    ]


def _send_and_keep_queued(found: Evidence) -> None:
    found.messages.append(Message(12, 11, "user", "complete", "Prompt 5", ""))


def _lose_queued(found: Evidence) -> None:
    found.queued.clear()


def _invent_prompt(found: Evidence) -> None:
    found.messages.append(Message(12, 11, "user", "complete", "Prompt 4", ""))


def _lose_beginning_of_second(found: Evidence) -> None:
    _reply(found, text="".join((*FIRST[:2], SECOND[1])))


def _lose_end(found: Evidence) -> None:
    _reply(found, text="".join((*FIRST[:2], SECOND[0])))
    found.last_looks.clear()
    found.sights.clear()


def _store_less_than_was_shown(found: Evidence) -> None:
    found.sights.append(Sight("1", 11, "".join(FIRST)))


def _show_what_is_gone(found: Evidence) -> None:
    found.sights.append(Sight("1", 99, FIRST[0]))


def _show_old_state(found: Evidence) -> None:
    found.last_looks.append(LastLook("1", {11: ("streaming", "")}, {11: ("complete", "")}))


def _show_nothing(found: Evidence) -> None:
    found.last_looks.append(LastLook("1", {}, {11: ("complete", "")}))


def _forget_row(found: Evidence) -> None:
    del found.rows[1]
    del found.rows[2]


def _fail_row_of_an_answer(found: Evidence) -> None:
    _row(found, 1, state="failed")
    del found.rows[3]


def _charge_for_nothing(found: Evidence) -> None:
    _row(found, 3, low_output=5)
    _row(found, 0, state="estimated", low_output=5)
    found.requests.pop(0)


def _allow_too_little(found: Evidence) -> None:
    for number in (1, 3):
        _row(found, number, most=5)


DOCTORED: list[tuple[str, Callable[[Evidence], None]]] = [
    ("An accepted prompt is there exactly once", _lose_prompt),
    ("An accepted prompt is there exactly once", _double_prompt),
    ("An accepted prompt is there exactly once", _send_and_keep_queued),
    ("An accepted prompt is there exactly once", _lose_queued),
    ("A refused prompt is not there", _keep_refused),
    ("A refused prompt is not there", _double_unheard),
    ("No prompt is there that nobody sent", _invent_prompt),
    ("What is stored is what the upstream wrote, in order", _lose_beginning_of_second),
    ("A complete answer is all of it", _lose_end),
    ("What was shown is stored", _store_less_than_was_shown),
    ("What was shown is stored", _show_what_is_gone),
    ("A tab shows in the end what is stored", _show_old_state),
    ("A tab shows in the end what is stored", _show_nothing),
    ("A frame fits the page", lambda found: found.misfits.append("tab 0: text for no message")),
    ("A request has a row of its own", _forget_row),
    ("A request has a row of its own", _fail_row_of_an_answer),
    ("A row without a request charges for no answer", _charge_for_nothing),
    ("No row is open", lambda found: _row(found, 0, state="open")),
    ("Final figures are the upstream's", lambda found: _row(found, 2, completion_tokens=3)),
    ("Figures that were given are taken", lambda found: _row(found, 2, state="estimated")),
    (
        "The bill lies within the bounds of the ledger",
        lambda found: _row(found, 1, least=20),
    ),
    (
        "The bill lies within the bounds of the ledger",
        _allow_too_little,
    ),
    ("Nothing fails by a fault of ours", lambda found: _reply(found, error="internal")),
    ("Nothing fails by a fault of ours", lambda found: _row(found, 0, error="internal")),
    ("No reply is left running", lambda found: _reply(found, state="streaming")),
    ("The journal is empty", lambda found: found.journalled.append(11)),
    ("A row of a process is a process", lambda found: found.believed.append("here:2")),
    ("A process has a row", lambda found: found.living.append("here:2")),
    (
        "A process ends when it is told to, and well",
        lambda found: found.ends.append(Ended(0, 1, was_told=True)),
    ),
    (
        "A process ends when it is told to, and well",
        lambda found: found.ends.append(Ended(0, 0, was_told=False)),
    ),
    (
        "What has to be true of the database is",
        lambda found: found.disproved.append("DOES NOT HOLD 1 Every reply answers a prompt."),
    ),
    (
        "The totals are what the ledger adds up to",
        lambda found: found.miscounted.append("day 2026-11-29 00:00 ana@example.org: cost +1"),
    ),
    (
        "A kill hits several answers",
        lambda found: found.kills.append(Kill(0, 9.0, (11,), is_calm=True, lag=0.0)),
    ),
    (
        "A kill costs next to no text",
        lambda found: found.kills.append(Kill(0, 4.2, (11, *CROWD), is_calm=True, lag=0.0)),
    ),
]


def test_a_run_in_which_all_held_breaks_nothing() -> None:
    assert judge(evidence()) == []


@pytest.mark.parametrize(("promise", "doctor"), DOCTORED)
def test_a_promise_that_was_broken_is_named(
    promise: str, doctor: Callable[[Evidence], None]
) -> None:
    found = evidence()
    if "next to no text" in promise:
        found.requests[1] = replace(found.requests[1], ended_at=4.3)

    doctor(found)

    assert promise in {broken.promise for broken in judge(found)}


def test_every_promise_is_seen_to_break() -> None:
    assert {promise for promise, _ in DOCTORED} == set(PROMISES)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("".join(FIRST), ""),
        ("".join(FIRST[:2]) + SECOND[0], ""),
        (FIRST[0] + FIRST[2], "r1n2t3000000000; comes after number 0 of that request"),
        (FIRST[0] + FIRST[0], "r1n0t1000000000; comes after number 0 of that request"),
        (SECOND[0] + FIRST[0], "r1n0t1000000000; comes after text of request 2"),
        ("r1n0t1000000001;", "r1n0t1000000001; was never written"),
        (FIRST[0] + "r1n1t2", "after 16 characters stands 'r1n1t2'"),
        ("Hello" + FIRST[0], "after 0 characters stands 'Hellor1n0t1000000000;'"),
    ],
)
def test_gap_repetition_and_disorder_are_told_apart(text: str, fault: str) -> None:
    assert fault_of(text, {1: FIRST, 2: SECOND}) == fault


def test_what_a_kill_cost_is_the_time_from_the_first_missing_piece() -> None:
    (loss,) = losses(evidence())

    assert loss.request == 1
    assert loss.milliseconds == pytest.approx(50)


def test_text_that_was_written_after_the_kill_was_not_lost_by_it() -> None:
    found = evidence()
    found.kills = [replace(found.kills[0], at=2.9)]

    assert [loss.milliseconds for loss in losses(found)] == [0.0]
