"""Which lines of a subscription carry `"correction": "<id>"`: rules of its plan (P13)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final, TypeAlias

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from exchange.delivery.blocks import Block, block
from exchange.delivery.tables import CorrectionMark
from kernel.changes import announce_all
from kernel.database import ReadSession, WriteSession

# Of one subscription; beyond them the oldest records go unmarked.
MARKS_MAX: Final = 100_000
MARK_BYTES: Final = 200
Marks: TypeAlias = Mapping[tuple[int, int], bytes]
"""Correction ids by partition and offset."""
NONE: Final[Marks] = {}


async def load(session: ReadSession, subscription_ids: Sequence[str]) -> dict[str, Marks]:
    """Return the marks of those that have any: a subscription's own correction before others."""
    query = (
        select(CorrectionMark)
        .where(col(CorrectionMark.subscription_id).in_(subscription_ids))
        .order_by(col(CorrectionMark.own), col(CorrectionMark.correction_id))
    )
    found: dict[str, dict[tuple[int, int], bytes]] = {}
    for row in (await session.exec(query)).all():
        marks = found.setdefault(row.subscription_id, {})
        marks[row.partition, row.place] = row.correction_id.encode()
    return {id_: _newest(marks) for id_, marks in found.items()}


def _newest(marks: dict[tuple[int, int], bytes]) -> Marks:
    if len(marks) <= MARKS_MAX:
        return marks
    places = sorted(marks, key=lambda each: each[1])[-MARKS_MAX:]
    return {place: marks[place] for place in places}


async def add(
    session: WriteSession,
    correction_id: str,
    author: str,
    subscription_ids: Collection[str],
    partition: int,
    place: int,
) -> frozenset[str]:
    """Mark a record for subscriptions, on every worker; return those for which that is news."""
    if not subscription_ids:
        return frozenset()
    rows = [
        {
            "subscription_id": id_,
            "partition": partition,
            "place": place,
            "correction_id": correction_id,
            "own": id_ == author,
        }
        for id_ in sorted(subscription_ids)
    ]
    adding = insert(CorrectionMark).values(rows).on_conflict_do_nothing()
    returning = adding.returning(col(CorrectionMark.subscription_id))
    added = frozenset((await session.execute(returning)).scalars())
    await announce_all(session, "subscription", sorted(added))
    return added


async def marked(session: ReadSession, correction_id: str) -> Sequence[str]:
    """Return the subscriptions that see a correction."""
    query = select(CorrectionMark.subscription_id).where(
        CorrectionMark.correction_id == correction_id
    )
    return sorted(set((await session.exec(query)).all()))


async def count(session: ReadSession, correction_ids: Collection[str]) -> dict[str, int]:
    """Return how many subscriptions see each correction."""
    subscriptions = func.count(func.distinct(col(CorrectionMark.subscription_id)))
    query = (
        select(CorrectionMark.correction_id, subscriptions)
        .where(col(CorrectionMark.correction_id).in_(correction_ids))
        .group_by(col(CorrectionMark.correction_id))
    )
    return dict((await session.exec(query)).all())


def with_marks(shown: Block, offsets: Sequence[int], partition: int, marks: Marks) -> Block:
    """Return the block with the marks of the records at these offsets; hidden rows have none."""
    places = [
        (at, correction)
        for at, offset in enumerate(offsets)
        if (correction := marks.get((partition, offset))) is not None
    ]
    lines = shown.lines if places else []
    marked = {
        at: b'%b,"correction":"%b"}' % (line[:-1], correction)
        for at, correction in places
        if (line := lines[at]) is not None
    }
    return block([marked.get(at, line) for at, line in enumerate(lines)]) if marked else shown
