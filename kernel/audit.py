"""The audit log: append-only, hash-chained events (P8, ADR 0009).

Events of a transaction wait in its session and are appended just before the commit, so a chain's
head is locked for two statements only. There are CHAINS chains and a writer takes any free one;
`anchor` writes the heads of all chains into one event, so that a tail cut off one chain is seen
in another.
"""

import hashlib
import heapq
import json
import operator
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, insert, union_all
from sqlmodel import col, select

from kernel import clock
from kernel.actor import SYSTEM, Actor
from kernel.errors import InvalidCursor
from kernel.logging import correlation_id
from kernel.paging import Page, PageRequest, encode
from kernel.tables import AuditChain, AuditRow

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

CHAINS = 8
SEQ_LIMIT = 2**63
SEQ_DIGITS = 19
ANCHORED = "audit.anchored"
# What a hash is of, in this order.
FACTS = (
    "chain", "seq", "at", "event", "actor_kind", "actor_id", "department", "subject_type",
    "subject_id", "details", "correlation_id", "previous_hash",
)  # fmt: skip
# Events of one statement, some ten milliseconds of CPU (P11).
CHAINED_AT_ONCE = 100
_PENDING = "audit_pending"
_WANTED_CHAIN = "audit_chain"


@dataclass(frozen=True, slots=True)
class Event:
    at: datetime
    event: str
    actor: Actor
    subject_type: str
    subject_id: str
    details: Mapping[str, Any]
    correlation_id: str | None


def record(
    session: "AsyncSession",
    actor: Actor,
    event: str,
    subject_type: str,
    subject_id: str,
    **details: Any,  # noqa: ANN401 - facts of any JSON kind
) -> None:
    """Add an event to the transaction; it is chained when the transaction commits."""
    pending: list[Event] = session.info.setdefault(_PENDING, [])
    if actor.delegate is not None:
        details["delegate"] = actor.delegate
    facts = json.loads(json.dumps(details, default=str), parse_float=_as_kept, parse_constant=str)
    pending.append(
        Event(clock.now(), event, actor, subject_type, subject_id, facts, correlation_id.get())
    )


def pending(session: "AsyncSession") -> int:
    """Return how many events wait in the session for its commit."""
    return len(session.info.get(_PENDING, ()))


def forget_after(session: "AsyncSession", mark: int) -> None:
    """Drop events that came after `pending` was asked: what they tell of was undone."""
    del session.info.get(_PENDING, [])[mark:]


def _as_kept(number: str) -> float:
    """JSONB gives 1e22 and 1.0 back without their fraction, and forgets the sign of -0.0."""
    value = float(number)
    return int(value) if value.is_integer() else value


async def append_pending(session: "AsyncSession") -> None:
    """Chain the events of this transaction; called by the commit alone."""
    pending: list[Event] = session.info.pop(_PENDING, [])
    if not pending:
        return
    chain_wanted = session.info.pop(_WANTED_CHAIN, None)
    head = await (
        _lock_free_chain(session) if chain_wanted is None else _lock_chain(session, chain_wanted)
    )
    for first in range(0, len(pending), CHAINED_AT_ONCE):
        rows = []
        for event in pending[first : first + CHAINED_AT_ONCE]:
            rows.append(_chained(head, event))
            head.seq, head.hash = head.seq + 1, rows[-1]["hash"]
            head.period = rows[-1]["period"]
        await session.execute(insert(AuditRow), rows)
    session.add(head)
    await session.flush()


async def _lock_chain(session: "AsyncSession", chain: int) -> AuditChain:
    query = select(AuditChain).where(AuditChain.chain == chain).with_for_update()
    return (await session.exec(query.execution_options(populate_existing=True))).one()


async def _lock_free_chain(session: "AsyncSession") -> AuditChain:
    # A head that the session has read before is read again, now that it is locked.
    free = (
        select(AuditChain)
        .order_by(col(AuditChain.chain))
        .limit(1)
        .execution_options(populate_existing=True)
    )
    head = (await session.exec(free.with_for_update(skip_locked=True))).first()
    if head is None:
        head = (await session.exec(free.with_for_update())).one()
    return head


def _chained(head: AuditChain, event: Event) -> dict[str, Any]:
    """Return the event as the row that follows the head."""
    row = {
        "chain": head.chain,
        "seq": head.seq + 1,
        # Months are archived one after the other: those of a chain never go back.
        "period": max(head.period, month_of(event.at)),
        "at": event.at,
        "event": event.event,
        "actor_kind": event.actor.kind,
        "actor_id": event.actor.id,
        "department": event.actor.department,
        "subject_type": event.subject_type,
        "subject_id": event.subject_id,
        "details": dict(event.details),
        "correlation_id": event.correlation_id,
        "previous_hash": head.hash,
    }
    return {**row, "hash": _digest(row)}


def month_of(moment: datetime) -> int:
    """Return the month in UTC, as 202612."""
    at = moment.astimezone(UTC)
    return at.year * 100 + at.month


def digest(row: AuditRow) -> str:
    """Return the SHA-256 of a row's facts and of the hash before it."""
    return _digest({name: getattr(row, name) for name in FACTS})


def _digest(row: Mapping[str, Any]) -> str:
    at = row["at"].astimezone(UTC).isoformat(timespec="microseconds")
    facts = [at if name == "at" else row[name] for name in FACTS]
    canonical = json.dumps(facts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events to list; None leaves a criterion out, `until` is exclusive.

    `departments` are those of the actors.
    """

    since: datetime | None = None
    until: datetime | None = None
    actor: str | None = None
    thing: str | None = None
    event: str | None = None
    departments: Collection[str] | None = None


async def page(session: "AsyncSession", request: PageRequest, filter_: Filter) -> Page[AuditRow]:
    """Return events, the oldest first, that come after the cursor in their chains; InvalidCursor.

    A cursor is a place in every chain. Within a chain events commit in its order, so an event
    of a slow transaction, older than what was read already, still comes after the cursor.
    """
    places = [0] * CHAINS if request.after is None else _places(request.after)
    criteria = _criteria(filter_)
    place = col(AuditRow.chain), col(AuditRow.seq)
    following = [
        select(AuditRow)
        .where(place[0] == chain, place[1] > seq, *criteria)
        .order_by(place[1])
        .limit(request.limit + 1)
        for chain, seq in enumerate(places)
    ]
    rows = await session.scalars(select(AuditRow).from_statement(union_all(*following)))
    merged = _in_order(rows.all())
    items = merged[: request.limit]
    for row in items:
        places[row.chain] = max(places[row.chain], row.seq)
    cursor = encode(" ".join(map(str, places)))
    return Page(items, cursor if len(merged) > request.limit else None, cursor)


def _in_order(rows: Iterable[AuditRow]) -> list[AuditRow]:
    """Merge chains by time; what comes earlier in its chain comes earlier here."""
    chains = [deque[AuditRow]() for _ in range(CHAINS)]
    for row in sorted(rows, key=lambda row: row.seq):
        chains[row.chain].append(row)
    heads = [(each[0].at, chain) for chain, each in enumerate(chains) if each]
    heapq.heapify(heads)
    merged = []
    while heads:
        _at, chain = heads[0]
        merged.append(chains[chain].popleft())
        if chains[chain]:
            heapq.heapreplace(heads, (chains[chain][0].at, chain))
        else:
            heapq.heappop(heads)
    return merged


def _criteria(filter_: Filter) -> list[ColumnElement[bool]]:
    criteria: list[tuple[object, Callable[[Any, Any], Any], Any]] = [
        (filter_.since, operator.ge, col(AuditRow.at)),
        (filter_.until, operator.lt, col(AuditRow.at)),
        (filter_.actor, operator.eq, col(AuditRow.actor_id)),
        (filter_.thing, operator.eq, col(AuditRow.subject_id)),
        (filter_.event, operator.eq, col(AuditRow.event)),
    ]
    chosen = [compare(column, value) for value, compare, column in criteria if value is not None]
    if filter_.departments is not None:
        chosen.append(col(AuditRow.department).in_(filter_.departments))
    return chosen


def _places(mark: str) -> list[int]:
    words = mark.split(" ")
    if len(words) != CHAINS or not all(word.isascii() and word.isdigit() for word in words):
        raise InvalidCursor
    # More digits than a place can have are no place, and cost time to read.
    if any(len(word) > SEQ_DIGITS or int(word) >= SEQ_LIMIT for word in words):
        raise InvalidCursor
    return [int(word) for word in words]


async def anchor(session: "AsyncSession") -> None:
    """Write the heads of all chains into one event, unless nothing else happened since."""
    heads = (await session.exec(select(AuditChain))).all()
    current = {str(head.chain): [head.seq, head.hash] for head in heads if head.seq}
    last = await session.exec(
        select(AuditRow)
        .where(AuditRow.event == ANCHORED)
        .order_by(AuditRow.at.desc())  # type: ignore[attr-defined]
        .limit(1)
    )
    previous = last.first()
    if previous is None or _moved(current, previous):
        # In turn, or nearly all would stand in the first chain, and be cut off together with it.
        session.info[_WANTED_CHAIN] = (previous.chain + 1) % CHAINS if previous else 0
        record(session, SYSTEM, ANCHORED, "audit", "heads", heads=current)


def _moved(current: Mapping[str, list[Any]], previous: AuditRow) -> bool:
    expected = dict(previous.details["heads"])
    expected[str(previous.chain)] = [previous.seq, previous.hash]
    return expected != dict(current)
