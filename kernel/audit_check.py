"""Verifies the audit log: every chain is recomputed from where its archive ends (P8, ADR 0009).

What was archived is verified from its files (kernel/audit_archive.py).
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import text
from sqlmodel import col, select

from kernel import audit
from kernel.audit import ANCHORED, CHAINS
from kernel.tables import AuditChain, AuditRow

if TYPE_CHECKING:
    from sqlmodel.ext.asyncio.session import AsyncSession

GENESIS = "0" * 64
OUTSIDE_MAX = 100
# Events of one step, some ten milliseconds of CPU (P11).
STRETCH = 200


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


@dataclass(slots=True)
class Walk:
    """How far a verification has come: it can be written down, and gone on with by another.

    `ends` are the heads at its beginning: what is written meanwhile is for the next one. Of a
    chain's hashes only those are kept that the last anchor in each chain names: as a hash vouches
    for all before it, they say as much as every anchor.
    """

    ends: list[tuple[int, str] | None]
    anchors: list[tuple[int, list[tuple[int, int, str]]]]
    total: int
    at: tuple[int, str]
    chain: int = 0
    events: int = 0
    faults: list[Fault] = field(default_factory=list)
    hashes: dict[tuple[int, int], str] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        return self.chain >= CHAINS

    @property
    def until(self) -> dict[str, int]:
        """The last event of each chain that it looks at."""
        return {str(chain): end[0] for chain, end in enumerate(self.ends) if end and end[0]}

    def written(self) -> dict[str, Any]:
        """Return it in JSON."""
        facts = {name: getattr(self, name) for name in ("ends", "anchors", "total", "at")}
        places = [[*place, hash_] for place, hash_ in self.hashes.items()]
        faults = [[each.chain, each.seq, each.reason] for each in self.faults]
        reached = {"chain": self.chain, "events": self.events, "faults": faults, "hashes": places}
        return {**facts, **reached}

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Self:
        """Return what `written` was made of."""
        return cls(
            ends=[None if end is None else (end[0], end[1]) for end in written["ends"]],
            anchors=[
                (chain, [(*place,) for place in named]) for chain, named in written["anchors"]
            ],
            total=written["total"],
            at=(written["at"][0], written["at"][1]),
            chain=written["chain"],
            events=written["events"],
            faults=[Fault(*each) for each in written["faults"]],
            hashes={(chain, seq): hash_ for chain, seq, hash_ in written["hashes"]},
        )


async def verify(session: "AsyncSession") -> Verdict:
    """Recompute every chain and compare it with what others anchored; name the first faults.

    Memory is bounded.
    """
    walk = await begin(session)
    while not walk.is_over:
        await go_on(session, walk)
    return await verdict(session, walk)


async def begin(session: "AsyncSession") -> Walk:
    """Return a walk that stands before the first event that is not archived."""
    # Anchors first: no end is before what they name.
    anchors = [(row.chain, _heads(row)) for row in await _last_anchors(session)]
    heads = {head.chain: head for head in (await session.exec(select(AuditChain))).all()}
    ends = [
        (heads[chain].seq, heads[chain].hash) if chain in heads else None for chain in range(CHAINS)
    ]
    total = sum(max(0, head.seq - head.archived_seq) for head in heads.values())
    return Walk(ends, anchors, total, base_of(heads.get(0)))


async def go_on(session: "AsyncSession", walk: Walk) -> None:
    """Look at the next STRETCH events of its chain, or begin the next chain."""
    await _pass_archive(session, walk)
    end = walk.ends[walk.chain]
    query = select(AuditRow).where(AuditRow.chain == walk.chain, col(AuditRow.seq) > walk.at[0])
    if end is not None:
        query = query.where(col(AuditRow.seq) <= end[0])
    rows = (await session.exec(query.order_by(col(AuditRow.seq)).limit(STRETCH))).all()
    faulty = any(fault.chain == walk.chain for fault in walk.faults)
    for row in rows:
        fault = None if faulty else check(row, *walk.at)
        if fault is not None:
            walk.faults.append(fault)
            faulty = True
        walk.at = (row.seq, row.hash)
        _keep(walk)
    walk.events += len(rows)
    session.expunge_all()
    if len(rows) < STRETCH:
        if not faulty and end != walk.at:
            walk.faults.append(Fault(walk.chain, walk.at[0] + 1, "events are missing at the end"))
        await _next_chain(session, walk)


async def _next_chain(session: "AsyncSession", walk: Walk) -> None:
    walk.chain += 1
    if not walk.is_over:
        walk.at = base_of(await _head(session, walk.chain))
        _keep(walk)


async def _pass_archive(session: "AsyncSession", walk: Walk) -> None:
    """Go on behind what was archived since: its file verifies it."""
    base = base_of(await _head(session, walk.chain))
    if base[0] > walk.at[0]:
        walk.at = base
    _keep(walk)


async def _head(session: "AsyncSession", chain: int) -> AuditChain | None:
    return await session.get(AuditChain, chain, populate_existing=True)


def _keep(walk: Walk) -> None:
    """Remember the hash of a place that an anchor names."""
    place = (walk.chain, walk.at[0])
    if any(place == (chain, seq) for _, named in walk.anchors for chain, seq, _hash in named):
        walk.hashes[place] = walk.at[1]


async def verdict(session: "AsyncSession", walk: Walk) -> Verdict:
    """Return what came of a walk that is over, with what anchors and strangers in the log say."""
    faults = [*walk.faults, *await _outside(session)]
    return Verdict(walk.events, tuple(faults or await _broken_anchors(session, walk)))


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


def _heads(anchor_: AuditRow) -> list[tuple[int, int, str]]:
    """Return chain, place and hash that an anchor names; none of one that was changed."""
    heads = anchor_.details.get("heads")
    if not isinstance(heads, dict):
        return []
    return [
        (int(chain), head[0], head[1])
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


async def _broken_anchors(session: "AsyncSession", walk: Walk) -> list[Fault]:
    """Name the first place of each chain that is not as an anchor has it."""
    firsts: dict[int, Fault] = {}
    bases = {head.chain: base_of(head) for head in (await session.exec(select(AuditChain))).all()}
    for anchored_in, named in walk.anchors:
        for chain, seq, known in named:
            if seq < bases.get(chain, (0, GENESIS))[0]:
                continue  # its event is in an archive, whose end the chain itself vouches for
            if walk.hashes.get((chain, seq)) != known:
                fault = await _first_broken(session, anchored_in, chain)
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
