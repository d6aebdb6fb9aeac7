"""Verifies the audit log: every chain is recomputed from where its archive ends (P8, ADR 0009).

What was archived is verified from its files (kernel/audit_archive.py).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlmodel import col, select

from kernel import audit
from kernel.audit import ANCHORED, CHAINS
from kernel.tables import AuditChain, AuditRow

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

GENESIS = "0" * 64
OUTSIDE_MAX = 100


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
    """Recompute every chain and compare it with what others anchored; name the first faults.

    Memory is bounded: of a chain's hashes only those are kept that the last anchor in each chain
    names. As a hash vouches for all before it, they say as much as every anchor.
    """
    anchors = await _last_anchors(session)
    chains = {place for row in anchors for place, _hash in _heads(row)}
    events, faults = 0, []
    hashes: dict[tuple[int, int], str] = {}
    for chain in range(CHAINS):
        fault = None
        stored = await session.get(AuditChain, chain)
        head = base_of(stored)
        if (chain, head[0]) in chains:
            hashes[chain, head[0]] = head[1]
        async for row in rows_of(session, chain):
            events += 1
            fault = fault or check(row, *head)
            head = (row.seq, row.hash)
            if (chain, row.seq) in chains:
                hashes[chain, row.seq] = row.hash
        if fault is None and (stored is None or (stored.seq, stored.hash) != head):
            fault = Fault(chain, head[0] + 1, "events are missing at the end")
        faults += [fault] if fault else []
    faults += await _outside(session)
    return Verdict(events, tuple(faults or await _broken_anchors(session, anchors, hashes)))


async def _outside(session: "AsyncSession") -> list[Fault]:
    """Name events beside the chains: lists show them, and no chain vouches for them."""
    chain, seq = col(AuditRow.chain), col(AuditRow.seq)
    faults = []
    for beside in (chain < 0, chain >= CHAINS):
        query = select(chain, seq).where(beside).order_by(chain, seq).limit(OUTSIDE_MAX)
        firsts: dict[int, int] = {}
        for found in await session.exec(query):
            firsts.setdefault(*found)
        faults += [
            Fault(number, first, "is in no chain of this log") for number, first in firsts.items()
        ]
    return faults


async def _last_anchors(session: "AsyncSession") -> list[AuditRow]:
    """Return the last anchor of each chain that has one."""
    anchors: list[AuditRow] = []
    for chain in range(CHAINS):
        query = select(AuditRow).where(AuditRow.chain == chain, AuditRow.event == ANCHORED)
        last = await session.exec(query.order_by(col(AuditRow.seq).desc()).limit(1))
        anchors += last.all()
    return anchors


def _heads(anchor_: AuditRow) -> list[tuple[tuple[int, int], str]]:
    """Return the places that an anchor names, with their hashes; none of one that was changed."""
    heads = anchor_.details.get("heads")
    if not isinstance(heads, dict):
        return []
    return [
        ((int(chain), head[0]), head[1])
        for chain, head in heads.items()
        if chain.isdecimal() and isinstance(head, list) and len(head) == len(("seq", "hash"))
    ]


def base_of(head: AuditChain | None) -> tuple[int, str]:
    """Return place and hash of the last event that was archived, from which a chain goes on."""
    return (0, GENESIS) if head is None else (head.archived_seq, head.archived_hash)


async def rows_of(
    session: "AsyncSession", chain: int, until: int | None = None
) -> AsyncIterator[AuditRow]:
    """Yield the events of a chain in their order, up to the month `until` if one is given."""
    query = select(AuditRow).where(AuditRow.chain == chain).order_by(col(AuditRow.seq))
    if until is not None:
        query = query.where(col(AuditRow.period) <= until)
    rows = await session.stream_scalars(query.execution_options(yield_per=500))
    async for row in rows:
        yield row


def check(row: AuditRow, seq: int, previous_hash: str) -> Fault | None:
    if row.seq != seq + 1:
        return Fault(row.chain, seq + 1, "an event is missing")
    if row.previous_hash != previous_hash:
        return Fault(row.chain, row.seq, "does not follow the event before it")
    if row.hash != audit.digest(row):
        return Fault(row.chain, row.seq, "was changed after it was written")
    return None


async def _broken_anchors(
    session: "AsyncSession", anchors: Sequence[AuditRow], hashes: Mapping[tuple[int, int], str]
) -> list[Fault]:
    """Name the first place of each chain that is not as an anchor has it."""
    firsts: dict[int, Fault] = {}
    bases = {head.chain: base_of(head) for head in (await session.exec(select(AuditChain))).all()}
    for row in anchors:
        for place, known in _heads(row):
            if place[1] < bases.get(place[0], (0, GENESIS))[0]:
                continue  # its event is in an archive, whose end the chain itself vouches for
            if hashes.get(place) != known:
                fault = await _first_broken(session, row.chain, place[0])
                if fault.seq < firsts.get(fault.chain, fault).seq or fault.chain not in firsts:
                    firsts[fault.chain] = fault
    return [firsts[chain] for chain in sorted(firsts)]


async def _first_broken(session: "AsyncSession", anchored_in: int, chain: int) -> Fault:
    """Name the first place of a chain at which it is not as anchored in another."""
    rows = await session.execute(
        FIRST_BROKEN.bindparams(anchored_in=anchored_in, chain=chain, name=str(chain))
    )
    seq, anchor_seq = rows.one_or_none() or (0, 0)
    return Fault(chain, seq, f"is not as anchored in chain {anchored_in} at {anchor_seq}")


FIRST_BROKEN = text("""
    SELECT a.place, a.seq
    FROM (
        SELECT seq, (details -> 'heads' -> CAST(:name AS text) ->> 0)::bigint AS place,
            details -> 'heads' -> CAST(:name AS text) ->> 1 AS hash
        FROM kernel.audit_event WHERE chain = :anchored_in AND event = 'audit.anchored'
    ) AS a
    LEFT JOIN kernel.audit_event AS e ON e.chain = :chain AND e.seq = a.place
    WHERE a.place IS NOT NULL AND e.hash IS DISTINCT FROM a.hash
        AND a.place > coalesce(
            (SELECT archived_seq FROM kernel.audit_chain WHERE chain = :chain), 0)
    ORDER BY a.place, a.seq
    LIMIT 1
""")
