"""What is going to happen in one run: nothing but a seed decides it."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, Literal

Deed = Literal[
    "send",
    "send_twice",
    "stop",
    "try_again",
    "go_on",
    "open_tab",
    "drop_tab",
    "reload_tab",
]
Wreck = Literal[
    "kill", "freeze", "freeze_long", "terminate", "end_connections", "restart_wire", "lose_wire"
]

CROWD = "in a crowd"
# So many answers are asked of a process that is to be killed, and so many have to be hit.
CROWD_SIZE, FEWEST_HIT = 7, 5

# How often people do what, after a conversation was begun and is looked at.
_DEEDS: dict[Deed, int] = {
    "send": 34,
    "send_twice": 10,
    "stop": 18,
    "try_again": 10,
    "go_on": 16,
    "open_tab": 6,
    "drop_tab": 10,
    "reload_tab": 5,
}


@dataclass(frozen=True, slots=True)
class Step:
    """A deed of a person, after a pause, at a process; what is done twice is done at `other`."""

    after: float
    deed: Deed
    node: int
    other: int


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation: who has it, and what they do in it one after the other."""

    person: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Blow:
    """Something breaks, after a pause, and is mended `lasts` seconds later. Where `is_hurried` a
    process is made to look silent for long, instead of waiting until it was."""

    after: float
    wreck: Wreck
    node: int
    lasts: float
    is_hurried: bool


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    talks: tuple[Talk, ...]
    blows: tuple[Blow, ...]
    # What the upstream answers, one after the other, as `tests.upstream.scripts.Script` has it.
    scripts: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Size:
    people: int
    talks: int
    steps: int
    wrecks: tuple[Wreck, ...]
    is_short: bool


ALONE = Size(
    people=2, talks=8, steps=9, wrecks=("kill", "freeze", "terminate", "kill"), is_short=False
)
SEVERAL = Size(
    people=3,
    talks=12,
    steps=14,
    wrecks=(
        *("kill", "freeze", "freeze_long", "terminate"),
        *("end_connections", "restart_wire", "lose_wire", "kill"),
    ),
    is_short=False,
)
SHORT_ALONE = Size(people=2, talks=6, steps=6, wrecks=("kill", "freeze"), is_short=True)
SHORT_SEVERAL = Size(
    people=3,
    talks=9,
    steps=9,
    wrecks=("kill", "freeze_long", "end_connections", "lose_wire"),
    is_short=True,
)


def make(seed: int, size: Size, *, nodes: int) -> Plan:
    chance = Random(seed)
    wrecks = list(size.wrecks)
    chance.shuffle(wrecks)
    return Plan(
        seed=seed,
        talks=tuple(_talk(chance, size, number, nodes) for number in range(size.talks)),
        blows=tuple(_blow(chance, wreck, size, nodes) for wreck in wrecks),
        scripts=(_crowd_script(chance), *(_script(chance) for _ in range(600))),
    )


def _talk(chance: Random, size: Size, number: int, nodes: int) -> Talk:
    opening: tuple[Deed, ...] = (chance.choice(("send", "send", "send_twice")), "open_tab")
    others = chance.choices(list(_DEEDS), list(_DEEDS.values()), k=size.steps)
    # Everybody begins within two seconds, and does something every second and a half.
    pauses = [chance.uniform(0, 2), 0.0, *(chance.expovariate(1 / 1.5) for _ in others)]
    steps = (
        Step(min(pause, 6.0), deed, chance.randrange(nodes), chance.randrange(nodes))
        for pause, deed in zip(pauses, (*opening, *others), strict=True)
    )
    return Talk(number % size.people, tuple(steps))


def _blow(chance: Random, wreck: Wreck, size: Size, nodes: int) -> Blow:
    lasts = {
        "kill": chance.uniform(0, 2),
        "freeze": chance.uniform(0.3, 4),
        # Beyond the 15 s after which a process is taken for gone.
        "freeze_long": chance.uniform(16, 22),
        "lose_wire": chance.uniform(1, 5),
    }
    is_hurried = size.is_short or chance.random() < 0.7
    after = chance.uniform(0.5, 2 if size.is_short else 4)
    return Blow(after, wreck, chance.randrange(nodes), lasts.get(wreck, 0.0), is_hurried)


def _crowd_script(chance: Random) -> dict[str, Any]:
    """Answers long enough that a kill hits several."""
    return {"match": CROWD, "times": 0, **_numbered(rate=chance.uniform(15, 30), count=400)}


def _script(chance: Random) -> dict[str, Any]:
    """How one request is answered."""
    answer = _numbered(rate=chance.uniform(12, 35), count=chance.randrange(10, 110)) | {
        "repeats": chance.random() < 0.8,
        # Billed, and never seen: what is thought first, and what is under way when a client leaves.
        "hidden_tokens": chance.randrange(120),
        "runs_ahead": chance.randrange(30),
    }
    short = answer | {"count": chance.randrange(1, 40)}
    refusal: dict[str, Any] = {
        "status": chance.choice((429, 429, 500, 503)),
        "body": '{"error": {"code": 1, "message": "made to fail", "type": "test_error"}}',
    }
    kinds: list[tuple[int, dict[str, Any]]] = [
        (54, answer),
        (8, answer | {"usage_mode": "never"}),
        (5, short | {"finish": "length"}),
        (6, short | {"pieces": [{"die": "reset"}]}),
        (5, short | {"pieces": [{"die": "close"}]}),
        (4, short | {"finish": None, "done": False, "usage_mode": "never"}),
        (4, short | {"pieces": [{"hang": True}]}),
        (2, {"pieces": [{"hang": True}]}),
        (6, refusal),
        (3, refusal | {"headers": {"Retry-After": "1"}}),
        (3, answer | {"cut": 7, "count": 15}),
    ]
    weights = [weight for weight, _ in kinds]
    return chance.choices([kind for _, kind in kinds], weights)[0]


def _numbered(*, rate: float, count: int) -> dict[str, Any]:
    return {
        "stamp": True,
        "numbered": True,
        "stamp_tokens": 6,
        "rate": round(rate, 1),
        "count": count,
    }
