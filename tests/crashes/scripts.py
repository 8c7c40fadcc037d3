"""Turns to be crashed in: what the upstream answers, and what Ana does meanwhile."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass
from typing import Any

from chat.domain.prompts import GO_ON
from chat.domain.titles import ASK
from tests.crashes.ana import Ana
from tests.crashes.life import Act, Deeds

QUESTIONS = tuple(f"Question {word}" for word in ("one", "two", "three", "four", "five", "six"))
QUESTION, LAST_QUESTION = QUESTIONS[0], "One last thing"
TITLE = "What they asked"
ASKED_FOR_TITLE = ASK.split(".")[0]
ALL_QUESTIONS = (*QUESTIONS, LAST_QUESTION)


def thought_about(question: str) -> str:
    return f"They said: {question.lower()}"


def answer_to(question: str) -> tuple[str, ...]:
    """The pieces of an answer, which tell whose it is."""
    return (f"To “{question}”", " I say this", " & that", " and all of it.")


def usual_answer(question: str) -> dict[str, Any]:
    return {"match": question, "pieces": _pieces(question), "times": 0}


def slow_answer(question: str, *, pause: float = 0.06) -> dict[str, Any]:
    """So slow that the journal commits it in two pieces."""
    pieces = _pieces(question)
    return {"match": question, "pieces": [*pieces[:3], {"wait": pause}, *pieces[3:]]}


def held(question: str, *, after: int) -> dict[str, Any]:
    """So many pieces, then nothing more. After 0 not even a status."""
    return {"match": question, "pieces": _pieces(question), "hold_after": after}


def refused(question: str) -> dict[str, Any]:
    return {"match": question, "status": 429, "body": "", "headers": {"Retry-After": "0"}}


def broken(question: str, *, how: str) -> dict[str, Any]:
    return {"match": question, "pieces": [*_pieces(question)[:3], {"die": how}]}


def rest_of_answer(question: str) -> dict[str, Any]:
    """To whoever has half of it, which is repeated as far as evoweb asks for that."""
    rest = ({"text": text, "tokens": len(text) // 4} for text in answer_to(question)[2:])
    half = half_of(question)
    pieces = [{"text": half, "tokens": len(half) // 4}, *rest]
    return {"match": GO_ON.split(".")[0], "pieces": pieces, "times": 0}


def usual_answers() -> list[dict[str, Any]]:
    # The first that suits is given, and who is asked to go on is told the question again.
    title = {"match": ASKED_FOR_TITLE, "pieces": [TITLE], "times": 0}
    return [title, rest_of_answer(QUESTION), *map(usual_answer, ALL_QUESTIONS)]


def _pieces(question: str) -> list[dict[str, Any]]:
    thought = thought_about(question)
    return [
        {"reasoning": thought, "tokens": len(thought) // 4},
        *({"text": text, "tokens": len(text) // 4} for text in answer_to(question)),
    ]


@dataclass(frozen=True, slots=True)
class Script:
    """`deeds` are what is ended at each event, in the same life as what comes `first`; `before` is
    a life that ends itself.

    What comes first is swept elsewhere. The upstream gives `answers` first, in any of these lives,
    and then the usual ones.
    """

    name: str
    deeds: Deeds
    first: Deeds | None = None
    before: Deeds | None = None
    answers: tuple[dict[str, Any], ...] = ()
    # As the operator may want it: what was stopped is read on for its figures.
    reads_on: bool = False
    # As a service of its own does: by a small call after the first answer.
    makes_titles: bool = False

    def acts(self, dies_at: int) -> tuple[Act, ...]:
        before = (Act(self.before),) if self.before else ()
        return *before, Act(self.deeds, dies_at, self.first)


# Deeds


async def arrives(_ana: Ana) -> None:
    """And does nothing."""


async def asks(ana: Ana) -> None:
    await ana.sends(QUESTION)
    await ana.sees_the_end()


async def asks_for_a_title_too(ana: Ana) -> None:
    await asks(ana)
    await ana.waits_until_there_is_a_title()


async def asks_and_stops_at_once(ana: Ana) -> None:
    await ana.sends(QUESTION)
    await ana.stops()
    await ana.sees_the_end()


async def asks_and_stops_before_the_first_token(ana: Ana) -> None:
    await ana.sends(QUESTION)
    await ana.waits_until_upstream_is_asked()
    await ana.stops()
    await ana.sees_the_end()


async def sees_half_of_it(ana: Ana) -> None:
    await ana.sends(QUESTION)
    await ana.sees(half_of(QUESTION))


async def stops(ana: Ana) -> None:
    await ana.stops()
    await ana.sees_the_end()


async def stops_in_the_middle(ana: Ana) -> None:
    await sees_half_of_it(ana)
    await stops(ana)


async def stops_and_lets_it_be_counted(ana: Ana) -> None:
    await stops(ana)
    await ana.waits_until_all_is_counted()


async def has_it_go_on(ana: Ana) -> None:
    await ana.has_it_go_on()
    await ana.sees_the_end()


async def tries_again(ana: Ana) -> None:
    await ana.tries_again()
    await ana.sees_the_end()


async def edits(ana: Ana) -> None:
    await ana.edits(QUESTIONS[1])
    await ana.sees_the_end()


async def queues_another(ana: Ana) -> None:
    await ana.queues(QUESTIONS[1])
    await ana.sees_the_end()


async def queues_another_and_stops(ana: Ana) -> None:
    await ana.queues(QUESTIONS[1])
    await ana.stops()
    await ana.sees_the_end()


async def deletes(ana: Ana) -> None:
    await ana.deletes()
    await ana.sees_the_end()


async def is_cut_off(ana: Ana) -> None:
    await sees_half_of_it(ana)
    await ana.is_killed_here()


async def stops_and_is_cut_off(ana: Ana) -> None:
    await stops_in_the_middle(ana)
    await ana.is_killed_here()


async def sends_again(ana: Ana) -> None:
    """After a restart: what may not have arrived."""
    await ana.sees_the_end()
    for question in [*ana.has_sent]:
        await ana.sends(question)
        await ana.sees_the_end()


async def goes_on(ana: Ana) -> None:
    await sends_again(ana)
    await ana.sends(LAST_QUESTION)
    await ana.sees_the_end()


def half_of(question: str) -> str:
    return "".join(answer_to(question)[:2])


_HELD = (held(QUESTION, after=3),)
_UNANSWERED = (held(QUESTION, after=0),)

SCRIPTS = {
    script.name: script
    for script in (
        Script("answered", asks, answers=(slow_answer(QUESTION),)),
        Script("titled", asks_for_a_title_too, first=arrives, makes_titles=True),
        Script("asked-twice", asks, first=arrives, answers=(refused(QUESTION),)),
        Script("broken-off", asks, first=arrives, answers=(broken(QUESTION, how="reset"),)),
        Script("tried-again", tries_again, first=asks),
        Script("edited", edits, first=asks),
        Script("stopped-at-once", asks_and_stops_at_once, first=arrives, answers=_UNANSWERED),
        Script(
            "stopped-unanswered",
            asks_and_stops_before_the_first_token,
            first=arrives,
            answers=_UNANSWERED,
        ),
        Script("stopped-midway", stops, first=sees_half_of_it, answers=_HELD),
        Script("gone-on", has_it_go_on, first=stops_in_the_middle, answers=_HELD),
        Script(
            "queued",
            queues_another,
            first=sees_half_of_it,
            answers=(slow_answer(QUESTION, pause=0.15),),
        ),
        Script("queued-stopped", queues_another_and_stops, first=sees_half_of_it, answers=_HELD),
        Script("deleted", deletes, first=sees_half_of_it, answers=_HELD),
        # What runs when a life has nothing left to do is drained.
        Script("drained", arrives, first=sees_half_of_it, answers=_HELD),
        Script("restarted", sends_again, before=is_cut_off, answers=_HELD),
        Script(
            "read-on",
            stops_and_lets_it_be_counted,
            first=sees_half_of_it,
            answers=(slow_answer(QUESTION, pause=0.15),),
            reads_on=True,
        ),
        Script(
            "read-on-restarted",
            sends_again,
            before=stops_and_is_cut_off,
            answers=_HELD,
            reads_on=True,
        ),
    )
}


# At random


MOST_EVENTS = 50


def wandering(seed: int) -> tuple[tuple[Act, ...], tuple[dict[str, Any], ...]]:
    """Some lives, each of which may end at a random event, and what the upstream answers."""
    chance = random.Random(seed)
    acts = tuple(
        Act(functools.partial(wanders, seed=chance.random()), chance.randrange(1, MOST_EVENTS))
        for _ in range(chance.randrange(1, 4))
    )
    answers = [answer for question in QUESTIONS for answer in _any_answers(question, chance)]
    return acts, tuple(answers)


def _any_answers(question: str, chance: random.Random) -> list[dict[str, Any]]:
    return chance.choice(
        (
            [],
            [slow_answer(question)],
            [held(question, after=chance.randrange(4))],
            [refused(question)] * chance.randrange(1, 4),
            [broken(question, how=chance.choice(("reset", "close")))],
        )
    )


async def wanders(ana: Ana, *, seed: float) -> None:
    """A few deeds one after the other, often before the last one came to its end."""
    chance = random.Random(seed)
    await ana.sends(ana.has_sent[-1] if ana.has_sent else QUESTION)
    for _ in range(chance.randrange(2, 7)):
        await _does_something(ana, chance)


async def _does_something(ana: Ana, chance: random.Random) -> None:
    match chance.choice(("send", "send", "send", "wait", "wait", "stop", "again", "leave", "end")):
        case "send":
            await ana.sends(chance.choice(QUESTIONS))
        case "wait":
            await ana.sees_the_end_within(chance.choice((0.02, 0.1, 0.3)))
        case "stop":
            await ana.stops()
        case "again":
            await ana.tries_again()
        case "leave":
            await ana.leaves()
        case "end" if chance.random() < 0.4:
            await ana.deletes()
