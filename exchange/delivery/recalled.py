"""Deletes of what a narrower filter took back, as a subscription sees its keys (ADR 0051)."""

from collections.abc import Sequence
from itertools import groupby
from typing import Final, NamedTuple

from exchange.delivery.grant_plans import GrantPlan
from exchange.recalls import store
from exchange.recalls.store import Key
from kernel.database import Database
from kernel.turns import FairScheduler, Steps

# Keys in hashed form are a few microseconds each.
KEYS_AT_ONCE: Final = 200
# A key has 1,024 bytes at most: a page of deletes stays within that of records.
KEYS_MAX: Final = 5_000


class Lane(NamedTuple):
    """The keys of one partition, behind one number up to another."""

    partition: int
    until: int


class Recalled(NamedTuple):
    """Lines of deletes, and the number of the last key that they tell of."""

    lines: list[bytes]
    told: int


def is_pending(plan: GrantPlan, told: int) -> bool:
    """Whether deletes come before any record for whoever was told so far."""
    return plan.recall.making or told < plan.recall.last


async def deletes(
    database: Database,
    turns: FairScheduler,
    plan: GrantPlan,
    told: int,
    limit: int,
    lane: Lane | None = None,
) -> Recalled:
    """Return the next deletes; none while the list is being made.

    Behind the last one all of the list was told of, whatever partition the keys are of.
    """
    if plan.recall.making:
        return Recalled([], told)
    partition, until = (None, plan.recall.last) if lane is None else lane
    most = min(limit, KEYS_MAX)
    async with database.reading() as session:
        keys = await store.after(session, plan.grant.id, told, until, most, partition)
    lines = await turns.finish(_lines(plan, keys))
    return Recalled(lines, keys[-1].n if len(keys) == most else until)


def _lines(plan: GrantPlan, keys: Sequence[Key]) -> Steps[list[bytes]]:
    """Tell keys in their order, in the form in which records of their versions are shown."""
    lines: list[bytes] = []
    for version, several in groupby(keys, key=lambda each: each.version):
        raw = [each.key for each in several]
        for first in range(0, len(raw), KEYS_AT_ONCE):
            some = raw[first : first + KEYS_AT_ONCE]
            shown = plan.projection.lines(version, some, [None] * len(some), range(len(some)))
            lines += [line for line in shown if line is not None]
            yield
    return lines
