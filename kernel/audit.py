"""The audit log: append-only, hash-chained events (P8, ADR 0009).

Events of a transaction wait in its session and are appended just before the commit, so a chain's
head is locked for two statements only. There are CHAINS chains and a writer takes any free one;
`anchor` writes the heads of all chains into one event, so that a tail cut off one chain is seen
in another.
"""

import hashlib
import json
import operator
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, func, insert, tuple_
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
GENESIS = "0" * 64
SEQ_LIMIT = 2**63
ANCHORED = "audit.anchored"
# What a hash is of, in this order.
FACTS = (
    "chain", "seq", "at", "event", "actor_kind", "actor_id", "department", "subject_type",
    "subject_id", "details", "correlation_id", "previous_hash",
)  # fmt: skip
_PENDING = "audit_pending"


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
    facts = json.loads(json.dumps(details, default=str), parse_float=_as_kept, parse_constant=str)
    pending.append(
        Event(clock.now(), event, actor, subject_type, subject_id, facts, correlation_id.get())
    )


def _as_kept(number: str) -> float:
    """JSONB gives 1e22 and 1.0 back without their fraction, and forgets the sign of -0.0."""
    value = float(number)
    return int(value) if value.is_integer() else value


async def append_pending(session: "AsyncSession") -> None:
    """Chain the events of this transaction; called by the commit alone."""
    pending: list[Event] = session.info.pop(_PENDING, [])
    if not pending:
        return
    head = await _lock_free_chain(session)
    rows = []
    for event in pending:
        rows.append(_chained(head, event))
        head.seq, head.hash = head.seq + 1, rows[-1]["hash"]
    await session.execute(insert(AuditRow), rows)
    session.add(head)
    await session.flush()


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
    """Which events to list; None leaves a criterion out, `until` is exclusive."""

    since: datetime | None = None
    until: datetime | None = None
    actor: str | None = None
    thing: str | None = None
    event: str | None = None


async def page(session: "AsyncSession", request: PageRequest, wanted: Filter) -> Page[AuditRow]:
    """Return events in the order of time, then of chain and place in it; InvalidCursor."""
    place = (col(AuditRow.at), col(AuditRow.chain), col(AuditRow.seq))
    query = select(AuditRow).where(*_criteria(wanted)).order_by(*place).limit(request.limit + 1)
    if request.after is not None:
        query = query.where(tuple_(*place) > tuple_(*_place(request.after)))
    rows = (await session.exec(query)).all()
    items = rows[: request.limit]
    more = len(rows) > request.limit
    return Page(items, encode(_mark(items[-1])) if more else None)


def _criteria(wanted: Filter) -> list[ColumnElement[bool]]:
    criteria: list[tuple[object, Callable[[Any, Any], Any], Any]] = [
        (wanted.since, operator.ge, col(AuditRow.at)),
        (wanted.until, operator.lt, col(AuditRow.at)),
        (wanted.actor, operator.eq, col(AuditRow.actor_id)),
        (wanted.thing, operator.eq, col(AuditRow.subject_id)),
        (wanted.event, operator.eq, col(AuditRow.event)),
    ]
    return [compare(column, value) for value, compare, column in criteria if value is not None]


def _mark(row: AuditRow) -> str:
    return f"{row.at.astimezone(UTC).isoformat()} {row.chain} {row.seq}"


def _place(mark: str) -> tuple[datetime, int, int]:
    try:
        at, chain, seq = mark.split(" ")
        moment, place = datetime.fromisoformat(at), (int(chain), int(seq))
        if moment.tzinfo is None or not (0 <= place[0] < CHAINS and 0 <= place[1] < SEQ_LIMIT):
            raise InvalidCursor
        return moment.astimezone(UTC), *place
    except (ValueError, OverflowError) as error:
        raise InvalidCursor from error


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
        record(session, SYSTEM, ANCHORED, "audit", "heads", heads=current)


def _moved(current: Mapping[str, list[Any]], previous: AuditRow) -> bool:
    expected = dict(previous.details["heads"])
    expected[str(previous.chain)] = [previous.seq, previous.hash]
    return expected != dict(current)


@dataclass(frozen=True, slots=True)
class Fault:
    """The first place of a chain that is not as it was written."""

    chain: int
    seq: int
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    events: int
    faults: tuple[Fault, ...]


async def verify(session: "AsyncSession") -> Verdict:
    """Recompute every chain and check every anchor; the first fault of each chain is named."""
    events, faults = 0, []
    hashes: dict[tuple[int, int], str] = {}
    anchors: list[AuditRow] = []
    for chain in range(CHAINS):
        fault = None
        head = (0, GENESIS)
        async for row in _rows(session, chain):
            events += 1
            fault = fault or _check(row, *head)
            head = (row.seq, row.hash)
            hashes[row.chain, row.seq] = row.hash
            if row.event == ANCHORED:
                anchors.append(row)
        stored = await session.get(AuditChain, chain)
        if fault is None and (stored is None or (stored.seq, stored.hash) != head):
            fault = Fault(chain, head[0] + 1, "events are missing at the end")
        faults += [fault] if fault else []
    faults += await _outside(session)
    return Verdict(events, tuple(faults) or tuple(_broken_anchors(anchors, hashes)))


async def _outside(session: "AsyncSession") -> list[Fault]:
    """Name events beside the chains: lists show them, and no chain vouches for them."""
    column = col(AuditRow.chain)
    query = select(column, func.min(AuditRow.seq)).where(column.not_in(range(CHAINS)))
    found = await session.exec(query.group_by(column).order_by(column))
    return [Fault(chain, seq, "is in no chain of this log") for chain, seq in found]


async def _rows(session: "AsyncSession", chain: int) -> AsyncIterator[AuditRow]:
    query = select(AuditRow).where(AuditRow.chain == chain).order_by(AuditRow.seq)  # type: ignore[arg-type]
    rows = await session.stream_scalars(query.execution_options(yield_per=500))
    async for row in rows:
        yield row


def _check(row: AuditRow, seq: int, previous_hash: str) -> Fault | None:
    if row.seq != seq + 1:
        return Fault(row.chain, seq + 1, "an event is missing")
    if row.previous_hash != previous_hash:
        return Fault(row.chain, row.seq, "does not follow the event before it")
    if row.hash != digest(row):
        return Fault(row.chain, row.seq, "was changed after it was written")
    return None


def _broken_anchors(anchors: list[AuditRow], hashes: Mapping[tuple[int, int], str]) -> list[Fault]:
    return [
        Fault(int(chain), seq, f"is not as anchored in chain {row.chain} at {row.seq}")
        for row in anchors
        for chain, (seq, known) in row.details["heads"].items()
        if hashes.get((int(chain), seq)) != known
    ]
