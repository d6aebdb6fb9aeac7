"""The worker measures the quality of resources, a bounded piece at a time.

Of what arrives it reads the counts that publishing keeps; declared rules are asked of the latest
state, once a day from end to end. Publishing and pulling wait for nothing of it.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from catalog import cycles, versions
from catalog.contracts.published import RecordVersion
from catalog.errors import ResourceNotPublished
from exchange.latest import reading
from exchange.latest import store as folds
from exchange.latest.errors import StateIncomplete
from exchange.latest.reading import FoldState, LatestRecord, Place
from exchange.metering import count_store
from exchange.quality import store
from exchange.quality.rules import TIMELY, Dimension, Kind, Reader, Rule, keeps, rule_errors
from exchange.quality.store import SAMPLES_MAX, Count
from exchange.quality.tables import QualityRules
from exchange.stewardship.freshness import is_timely
from kernel.database import WriteSession
from kernel.errors import NotFound
from kernel.turns import Steps, unhurried
from kernel.workdays import local_date

# What the worker takes for a full turn, after which the next one follows at once.
FULL: Final = 200
ROWS_AT_ONCE: Final = 500
BETWEEN_TURNS: Final = 25
# A latest state that is not complete yet is looked at again after so long.
WAIT: Final = timedelta(minutes=5)
Counting = Callable[[WriteSession, date, datetime, int], Awaitable[int]]


async def count_arrivals(session: WriteSession, now: datetime) -> int:
    """Count what arrived today, and yesterday as long as some of that may come late."""
    return await _both_days(store.count_arrivals, session, now)


async def count_reads(session: WriteSession, now: datetime) -> int:
    """Count which reads of today were answered, and of yesterday as long as some may come late."""
    return await _both_days(store.count_reads, session, now)


async def _both_days(count: Counting, session: WriteSession, now: datetime) -> int:
    today, yesterday = local_date(now), local_date(now - store.RECENT)
    counted = await count(session, today, now, FULL)
    if yesterday != today:
        counted = max(counted, await count(session, yesterday, now, FULL))
    return counted


async def look_at_timeliness(session: WriteSession, now: datetime) -> int:
    """Look once a day whether each published resource keeps its cycle; returns how many."""
    today = local_date(now)
    place = await store.take_day(session, today)
    if place is None:
        return 0
    found = await cycles.published(session, place.after, FULL)
    totals = await count_store.published_totals(session, [id_ for id_, _cycle in found])
    counts = []
    for resource_id, cycle in found:
        _records, last = totals.get(resource_id, (0, None))
        timely = is_timely(cycle, last, now)
        if timely is not None:
            dimension = str(Dimension.TIMELY)
            counts.append(Count(resource_id, today, dimension, TIMELY, 1, int(not timely)))
    await store.add(session, counts, now)
    after = found[-1][0] if found else place.after
    await store.move_day(session, today, after, done=len(found) < FULL)
    return len(found)


async def measure_declared(session: WriteSession, now: datetime) -> int:
    """Measure some records by the rules of one resource; FULL where there may be more to do."""
    today = local_date(now)
    due = await store.take_due(session, today, now)
    if due is None:
        return 0
    try:
        await _go_on(session, due, today, now)
    except StateIncomplete:
        await folds.ask(session, [due.resource_id], now)
        await store.move(session, due.resource_id, wait_until=now + WAIT)
    except (NotFound, ResourceNotPublished):
        # Nothing is in force today: what was published before is not measured.
        await _finish(session, due.resource_id, today)
    return FULL


async def _go_on(session: WriteSession, due: QualityRules, today: date, now: datetime) -> None:
    day = due.measuring_on or today
    rules = [rule for rule in map(Rule.of, due.rules) if rule.kind is not Kind.ANSWERED]
    if not rules:
        await _finish(session, due.resource_id, day)
        return
    folded = await reading.states(session, due.resource_id)
    reading.require_complete(due.resource_id, folded)
    if due.measuring_on is None:
        await folds.keep(session, due.resource_id, now)
    published = await versions.contract_of(session, due.resource_id)
    fields = {each.name: each for each in published.contract.fields}
    # Rules that a later version left without their items, or with other ones, rest.
    known = {rule.id: rule for rule in rules if not rule_errors([rule], fields)}
    reader = Reader(
        types={name: each.data_type for name, each in fields.items()},
        codes={name: frozenset(each.values) for name, each in fields.items() if each.values},
        now=now,
    )
    names = await _names(session, due.resource_id, published.version)
    rows = await _page(session, folded, due) if known else []
    tally = await unhurried(_measure(list(known.values()), rows, names, reader))
    counts = [
        Count(due.resource_id, day, rule.dimension, rule.id, *tally[rule.id].counts())
        for rule in known.values()
    ]
    await store.add(session, counts, now)
    if not rows:
        await _finish(session, due.resource_id, day)
        return
    last = rows[-1]
    place = {"partition": last.partition, "digest": last.digest}
    await store.move(session, due.resource_id, measuring_on=day, wait_until=None, **place)


async def _page(
    session: WriteSession, folded: Sequence[FoldState], due: QualityRules
) -> Sequence[LatestRecord]:
    after = Place(due.partition, due.digest)
    return await reading.page(session, folded, after, ROWS_AT_ONCE)


async def _finish(session: WriteSession, resource_id: str, day: date) -> None:
    place = {"partition": 0, "digest": b"", "wait_until": None}
    await store.move(session, resource_id, measured_on=day, measuring_on=None, **place)


@dataclass(slots=True)
class Tally:
    checked: int = 0
    failed: int = 0
    samples: list[str] = field(default_factory=list)

    def counts(self) -> tuple[int, int, Sequence[str]]:
        return self.checked, self.failed, self.samples


def _measure(
    rules: Sequence[Rule],
    rows: Sequence[LatestRecord],
    names: Mapping[int, Mapping[str, str]],
    reader: Reader,
) -> Steps[dict[str, Tally]]:
    """Ask every rule of every record, in turns with others."""
    tally = {rule.id: Tally() for rule in rules}
    for nth, row in enumerate(rows):
        record = _record(row, names.get(row.version, {}))
        for rule in rules:
            kept = None if record is None else keeps(rule, record, reader)
            if kept is not None:
                _add(tally[rule.id], row, kept=kept)
        if nth % BETWEEN_TURNS == 0:
            yield
    return tally


def _add(tally: Tally, row: LatestRecord, *, kept: bool) -> None:
    tally.checked += 1
    if not kept:
        tally.failed += 1
        if len(tally.samples) < SAMPLES_MAX:
            tally.samples.append(row.key.decode(errors="replace"))


def _record(row: LatestRecord, names: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the record under the names of the version in force; no digit of a number is lost.

    None of what others wrote into the topic and nobody can read (P12).
    """
    try:
        read = json.loads(row.value, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):
        return None
    if not isinstance(read, dict):
        return None
    return {names.get(name, name): value for name, value in read.items()}


async def _names(
    session: WriteSession, resource_id: str, in_force: int
) -> Mapping[int, Mapping[str, str]]:
    """Return for each version how its items are called in the one in force, where otherwise."""
    known = (await versions.record_versions(session, [resource_id]))[resource_id]
    now = _by_element(known[in_force]) if in_force in known else {}
    return {
        number: {
            name: now[element]
            for element, name in _by_element(version).items()
            if now.get(element, name) != name
        }
        for number, version in known.items()
    }


def _by_element(version: RecordVersion) -> dict[str, str]:
    """Return item names by element, of elements that one item alone is bound to."""
    elements = [item.element for item in version.items]
    return {item.element: item.name for item in version.items if elements.count(item.element) == 1}
