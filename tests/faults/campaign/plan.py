"""What happens in which order, from a seed: the same seed gives the same plan; pure."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """A fault; its name is a line of the table."""

    GATEWAY_WORKER_KILLED = "gateway worker killed"
    GATEWAY_WORKER_FROZEN = "gateway worker frozen"
    GATEWAY_KILLED = "whole gateway killed"
    GATEWAY_FROZEN = "whole gateway frozen"
    WORKER_KILLED = "worker process killed"
    WORKER_FROZEN = "worker process frozen"
    BROKER_KILLED = "broker killed"
    BROKER_FROZEN = "broker frozen"
    BROKER_FROZEN_LONG = "broker frozen for over 30 s"
    BROKER_RESTARTED = "broker restarted"
    BROKER_DISK_FULL = "broker's disk full"
    DATABASE_KILLED = "database killed"
    DATABASE_FROZEN = "database frozen"
    DATABASE_RESTARTED = "database restarted"
    BACKEND_KILLED = "database backend killed"
    BACKEND_ENDED = "database session ended"
    BACKEND_FROZEN = "database backend frozen"
    WORKER_KILLED_WITH_BROKER_FROZEN = "gateway worker killed, broker frozen"
    DATABASE_KILLED_WITH_BROKER_FROZEN = "database killed, broker frozen"
    CLIENT_GONE_IN_BODY = "client gone in its body"
    CLIENT_GONE_BEFORE_ANSWER = "client gone before its answer"
    CLIENT_GONE_IN_PAGE = "client gone in its page"
    SAME_KEY_SAME_BODY = "one key at two workers, same body"
    SAME_KEY_OTHER_BODY = "one key at two workers, other body"
    FOREIGN_RECORDS = "foreign records in the topics"
    ROLLING_RESTART = "rolling restart of all parts"
    LEADER_KILLED = "leader of three brokers killed"
    LEADER_FROZEN = "leader of three brokers frozen"
    LEADER_FROZEN_LONG = "leader of three brokers frozen for over 30 s"
    BELOW_MIN_ISR = "one of three brokers left"


# What needs more than one broker, and what needs the one broker's own small disk.
OF_SEVERAL_BROKERS = frozenset(
    {Kind.LEADER_KILLED, Kind.LEADER_FROZEN, Kind.LEADER_FROZEN_LONG, Kind.BELOW_MIN_ISR}
)
OF_ONE_BROKER = frozenset({Kind.BROKER_DISK_FULL})


# How often each comes among the others; one that is not here comes once in a plan.
WEIGHTS: Mapping[Kind, int] = {
    Kind.GATEWAY_WORKER_KILLED: 9,
    Kind.GATEWAY_WORKER_FROZEN: 7,
    Kind.GATEWAY_KILLED: 3,
    Kind.GATEWAY_FROZEN: 3,
    Kind.WORKER_KILLED: 2,
    Kind.WORKER_FROZEN: 2,
    Kind.BROKER_KILLED: 6,
    Kind.BROKER_FROZEN: 6,
    Kind.BROKER_RESTARTED: 3,
    Kind.BROKER_DISK_FULL: 2,
    Kind.DATABASE_KILLED: 5,
    Kind.DATABASE_FROZEN: 4,
    Kind.DATABASE_RESTARTED: 3,
    Kind.BACKEND_KILLED: 3,
    Kind.BACKEND_ENDED: 3,
    Kind.BACKEND_FROZEN: 3,
    Kind.WORKER_KILLED_WITH_BROKER_FROZEN: 5,
    Kind.DATABASE_KILLED_WITH_BROKER_FROZEN: 2,
    Kind.CLIENT_GONE_IN_BODY: 2,
    Kind.CLIENT_GONE_BEFORE_ANSWER: 2,
    Kind.CLIENT_GONE_IN_PAGE: 1,
    Kind.SAME_KEY_SAME_BODY: 2,
    Kind.SAME_KEY_OTHER_BODY: 2,
    Kind.FOREIGN_RECORDS: 3,
    Kind.ROLLING_RESTART: 1,
    Kind.LEADER_KILLED: 6,
    Kind.LEADER_FROZEN: 6,
    Kind.BELOW_MIN_ISR: 2,
}
# A short plan has the first of these, the kills under load, and of the others some by luck, each
# once at most: what recovers within seconds.
ALWAYS: Sequence[Kind] = (
    Kind.GATEWAY_WORKER_KILLED,
    Kind.BROKER_KILLED,
    Kind.WORKER_KILLED_WITH_BROKER_FROZEN,
)
BY_LUCK: Sequence[Kind] = (
    Kind.GATEWAY_WORKER_FROZEN,
    Kind.WORKER_KILLED,
    Kind.BROKER_FROZEN,
    Kind.DATABASE_KILLED,
    Kind.BACKEND_KILLED,
    Kind.LEADER_KILLED,
    Kind.CLIENT_GONE_BEFORE_ANSWER,
    Kind.SAME_KEY_OTHER_BODY,
)
# Seconds of a freeze and how often: within, around and beyond the second of fresh rules, and
# beyond the 15 s after which a request to the broker is given up.
FREEZES: Sequence[tuple[float, float, int]] = ((0.2, 1, 9), (1, 5, 7), (5, 15, 3), (16, 20, 1))
SHORT_FREEZE = (0.2, 1.6)
LONG_FREEZE = (33.0, 38.0)
PAUSE = (0.2, 2.0)


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault: after a pause, for so many seconds if it lasts; `luck` chooses its victim."""

    kind: Kind
    pause_seconds: float
    seconds: float
    luck: float


def impossible(brokers: int, *, small_disk: bool) -> frozenset[Kind]:
    """Return the kinds that cannot be carried out on this stage."""
    if brokers > 1:
        return OF_ONE_BROKER
    return OF_SEVERAL_BROKERS | (frozenset() if small_disk else OF_ONE_BROKER)


def plan(seed: int, faults: int, *, short: bool, left_out: frozenset[Kind]) -> list[Planned]:
    """Return so many faults; a short plan cannot have more than there are short kinds."""
    chance = random.Random(seed)  # noqa: S311 - a plan that can be repeated
    kinds = _short(chance, faults, left_out) if short else _deck(chance, faults, left_out)
    return [
        Planned(kind, chance.uniform(*PAUSE), _seconds(chance, kind, short=short), chance.random())
        for kind in kinds
    ]


def _short(chance: random.Random, faults: int, left_out: frozenset[Kind]) -> list[Kind]:
    others = [kind for kind in BY_LUCK if kind not in left_out]
    more = min(max(0, faults - len(ALWAYS)), len(others))
    kinds = [*ALWAYS[:faults], *chance.sample(others, k=more)]
    chance.shuffle(kinds)
    return kinds


def _deck(chance: random.Random, faults: int, left_out: frozenset[Kind]) -> list[Kind]:
    """Every kind once if there is room, the others by their weights, all of them shuffled."""
    once = [kind for kind in Kind if kind not in left_out]
    often = [kind for kind in once if kind in WEIGHTS]
    weights = [WEIGHTS[kind] for kind in often]
    chance.shuffle(once)
    deck = once[:faults] + chance.choices(often, weights, k=max(0, faults - len(once)))
    chance.shuffle(deck)
    return deck


def _seconds(chance: random.Random, kind: Kind, *, short: bool) -> float:
    if kind in (Kind.BROKER_FROZEN_LONG, Kind.LEADER_FROZEN_LONG):
        return chance.uniform(*LONG_FREEZE)
    if short:
        return chance.uniform(*SHORT_FREEZE)
    least, most, _often = chance.choices(FREEZES, [often for *_, often in FREEZES])[0]
    return chance.uniform(least, most)
