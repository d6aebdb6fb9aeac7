"""SQL of the latest state: leases, folds, and what stood before a record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from sqlalchemy import text

from exchange.latest import search_store
from exchange.latest.fold import Folded
from exchange.latest.terms import Term
from exchange.latest.windows import FOLDED
from kernel.changes import announce
from kernel.database import ReadSession, WriteSession

DIGEST_BYTES: Final = 16
LEASE_SECONDS: Final = 5
ASKED_AGAIN: Final = timedelta(days=1)
ROWS: Final = 5_000
"""Rows forgotten in one statement, some milliseconds of PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A fold that this process holds, and how far it had come when it was claimed."""

    fold_id: int
    resource_id: str
    partition: int
    topic_id: bytes
    generation: int
    folded_to: int
    caught_up: bool
    indexed: Sequence[str] = ()


class Beginning(NamedTuple):
    """The first places that a topic's partitions keep, from which it is folded."""

    resource_id: str
    topic_id: bytes
    generation: int
    earliest: Sequence[int]


class Progress(NamedTuple):
    """Whether a resource's folds have all begun, lack nothing, and have reached the log's end."""

    begun: bool
    unbroken: bool
    caught_up: bool

    @property
    def complete(self) -> bool:
        return self.begun and self.unbroken and self.caught_up


def digest(key: bytes) -> bytes:
    """Return what stands for a key in an index: keys may be longer than one can hold."""
    return blake2b(key, digest_size=DIGEST_BYTES).digest()


# -- which resources are folded -------------------------------------------------------------------

ASK = text("""
    INSERT INTO exchange.folded_resource AS f (resource_id, asked_at)
    SELECT id, :now FROM unnest(CAST(:ids AS text[])) AS id ORDER BY id
    ON CONFLICT (resource_id) DO UPDATE SET asked_at = GREATEST(f.asked_at, excluded.asked_at)
""")
KEEP = text("""
    UPDATE exchange.folded_resource SET asked_at = :now
    WHERE resource_id = :resource_id AND asked_at < :before
""")
UNOPENED = text("""
    SELECT resource_id FROM exchange.folded_resource f
    WHERE NOT EXISTS (
        SELECT FROM exchange.fold WHERE resource_id = f.resource_id AND current
    ) ORDER BY resource_id LIMIT :most
""")
PROGRESS = text("""
    SELECT count(*) > 0 AS begun, COALESCE(bool_and(unbroken_from = 0), false) AS unbroken,
        COALESCE(bool_and(caught_up_at IS NOT NULL), false) AS caught_up
    FROM exchange.fold WHERE resource_id = :resource_id AND current
""")
PARTITIONS = text("""
    SELECT count(*) FROM exchange.fold WHERE resource_id = :resource_id AND current
""")
UNASKED = text("""
    DELETE FROM exchange.folded_resource WHERE asked_at < :before RETURNING resource_id
""")
CURRENT = text("SELECT id FROM exchange.fold WHERE id = :fold_id AND current FOR UPDATE")
RETIRE = text("""
    UPDATE exchange.fold SET current = false WHERE resource_id = ANY(:ids) AND current
""")


async def ask(session: WriteSession, resource_ids: Sequence[str], now: datetime) -> None:
    """Want resources folded, from now on at the latest."""
    await session.execute(ASK.bindparams(ids=list(resource_ids), now=now))


async def keep(session: WriteSession, resource_id: str, now: datetime) -> None:
    """Want a resource folded that is, which is written down once a day."""
    facts = {"resource_id": resource_id, "now": now, "before": now - ASKED_AGAIN}
    await session.execute(KEEP.bindparams(**facts))


async def unopened(session: ReadSession, most: int) -> Sequence[str]:
    """Return resources that are to be folded and of which no fold has begun."""
    return list((await session.execute(UNOPENED.bindparams(most=most))).scalars())


async def progress(session: ReadSession, resource_id: str) -> Progress:
    rows = await session.execute(PROGRESS.bindparams(resource_id=resource_id))
    return Progress(*rows.one())


async def partitions(session: ReadSession, resource_id: str) -> int:
    """Return of how many partitions a resource is folded."""
    rows = await session.execute(PARTITIONS.bindparams(resource_id=resource_id))
    return int(rows.scalar_one())


async def retire_unasked(session: WriteSession, before: datetime) -> int:
    """Stop folding what nobody has asked for since; returns how many resources."""
    retired = (await session.execute(UNASKED.bindparams(before=before))).scalars()
    ids = list(retired)
    if ids:
        await session.execute(RETIRE.bindparams(ids=ids))
    return len(ids)


# -- leases ---------------------------------------------------------------------------------------

BEGIN = text("""
    INSERT INTO exchange.fold (resource_id, partition, topic_id, generation, current, folded_to,
        unbroken_from, trimmed_to, began_at)
    SELECT :resource_id, ordinality - 1, :topic_id, :generation, true, place, place, place, now()
    FROM unnest(CAST(:earliest AS bigint[])) WITH ORDINALITY AS e (place, ordinality)
    ON CONFLICT DO NOTHING
""")
CLAIM = text("""
    UPDATE exchange.fold f SET holder = :me,
        leased_until = now() + make_interval(secs => :seconds),
        as_of = GREATEST(f.as_of, to_timestamp(quiet.at))
    FROM (
        SELECT id FROM exchange.fold
        WHERE current AND (holder = :me OR leased_until IS NULL OR leased_until < now())
        ORDER BY holder = :me DESC NULLS LAST, id LIMIT :most FOR UPDATE SKIP LOCKED
    ) AS c LEFT JOIN unnest(CAST(:quiet AS bigint[]), CAST(:moments AS float8[])) AS quiet (id, at)
        ON quiet.id = c.id
    WHERE f.id = c.id
    RETURNING f.id, resource_id, partition, topic_id, generation, folded_to,
        caught_up_at IS NOT NULL AS caught_up, indexed
""")
HELD = text("SELECT id FROM exchange.fold WHERE current AND holder = :me")
RELEASE = text("UPDATE exchange.fold SET leased_until = NULL, holder = NULL WHERE holder = :me")


async def begin(session: WriteSession, beginning: Beginning) -> None:
    """Begin to fold every partition of a topic, unless somebody has."""
    await session.execute(
        BEGIN.bindparams(
            resource_id=beginning.resource_id,
            topic_id=beginning.topic_id,
            generation=beginning.generation,
            earliest=list(beginning.earliest),
        )
    )


async def begin_anew(session: WriteSession, lease: Lease, beginning: Beginning) -> None:
    """Give up the folds of a log that is not what it was, and begin with the one that there is."""
    if (await session.execute(CURRENT.bindparams(fold_id=lease.fold_id))).first() is None:
        return
    await session.execute(RETIRE.bindparams(ids=[lease.resource_id]))
    await begin(session, beginning)


async def claim(
    session: WriteSession, me: str, most: int, quiet: Mapping[int, float] | None = None
) -> Sequence[Lease]:
    """Renew what this process holds, and take what nobody holds any more, at most so many.

    What is being written to at this moment is left out: `held` tells of it. `quiet` are folds that
    wait at the end of their logs, with the moment, in seconds since 1970, when these held no more.
    """
    quiet = quiet or {}
    facts = {"quiet": list(quiet), "moments": list(quiet.values())}
    rows = await session.execute(CLAIM.bindparams(me=me, most=most, seconds=LEASE_SECONDS, **facts))
    return [Lease(*row) for row in rows]


async def held(session: ReadSession, me: str) -> set[int]:
    """Return the folds that this process holds."""
    return set((await session.execute(HELD.bindparams(me=me))).scalars())


async def release(session: WriteSession, me: str) -> None:
    """Let others go on at once."""
    await session.execute(RELEASE.bindparams(me=me))


# -- folding --------------------------------------------------------------------------------------

HOLD = text("""
    SELECT folded_to FROM exchange.fold WHERE id = :fold_id AND holder = :me AND current FOR UPDATE
""")
FIRSTS = text("""
    INSERT INTO exchange.predecessor (fold_id, place, before, version, value)
    SELECT l.fold_id, r.place, l.place, l.version, l.value
    FROM unnest(CAST(:digests AS bytea[]), CAST(:places AS bigint[])) AS r (digest, place)
    JOIN exchange.latest l ON l.fold_id = :fold_id AND l.digest = r.digest
    JOIN exchange.fold f ON f.id = :fold_id
    WHERE l.place < r.place AND l.place >= f.unbroken_from AND l.value IS NOT NULL
    ON CONFLICT DO NOTHING
""")
FOLLOWERS = text("""
    INSERT INTO exchange.predecessor (fold_id, place, before, version, value)
    SELECT :fold_id, r.* FROM unnest(CAST(:places AS bigint[]), CAST(:before AS bigint[]),
        CAST(:versions AS bigint[]), CAST(:values AS bytea[])) AS r
    ON CONFLICT DO NOTHING
""")
LATEST = text("""
    INSERT INTO exchange.latest AS l (fold_id, digest, key, place, version, value, batch)
    SELECT :fold_id, r.* FROM unnest(CAST(:digests AS bytea[]), CAST(:keys AS bytea[]),
        CAST(:places AS bigint[]), CAST(:versions AS bigint[]), CAST(:values AS bytea[]),
        CAST(:batches AS bytea[])) AS r
    ON CONFLICT (fold_id, digest) DO UPDATE SET key = excluded.key, place = excluded.place,
        version = excluded.version, value = excluded.value, batch = excluded.batch
    WHERE l.place < excluded.place
""")
ADVANCE = text("""
    UPDATE exchange.fold SET folded_to = :folded_to,
        leased_until = now() + make_interval(secs => :seconds),
        as_of = GREATEST(as_of, to_timestamp(CAST(:as_of AS float8)))
    WHERE id = :fold_id
""")
CATCH_UP = text("""
    UPDATE exchange.fold SET caught_up_at = now(), as_of = COALESCE(as_of, now())
    WHERE id = :fold_id AND holder = :me AND caught_up_at IS NULL RETURNING resource_id
""")
GAP = text("""
    UPDATE exchange.fold SET folded_to = :earliest, unbroken_from = :earliest
    WHERE id = :fold_id AND holder = :me AND folded_to < :earliest
""")
CONFIRM = text("""
    UPDATE exchange.fold SET generation = :generation WHERE id = :fold_id AND holder = :me
""")


class LeaseLostError(Exception):
    """Somebody else folds this partition now, or nobody needs to."""


class Stretch(NamedTuple):
    """Offsets from `begin` to before `end`.

    Where that was the end of the log, `as_of` is a moment at which it was, in seconds since 1970.
    """

    begin: int
    end: int
    as_of: float | None = None


async def write(
    session: WriteSession,
    me: str,
    lease: Lease,
    stretch: Stretch,
    folded: Folded,
    terms: Sequence[Term] | None = None,
) -> int:
    """Store what was folded of a stretch, and return how far the fold has come.

    What was folded before is left as it is; `terms` are those of the latest records, None where
    nothing is searched. Raises LeaseLostError.
    """
    rows = await session.execute(HOLD.bindparams(fold_id=lease.fold_id, me=me))
    folded_to = rows.scalar_one_or_none()
    if folded_to is None:
        raise LeaseLostError
    if folded_to != stretch.begin:
        return int(folded_to)
    await _write_rows(session, lease.fold_id, folded, terms)
    facts = {"folded_to": stretch.end, "as_of": stretch.as_of, "seconds": LEASE_SECONDS}
    await session.execute(ADVANCE.bindparams(fold_id=lease.fold_id, **facts))
    await announce(session, FOLDED, lease.resource_id)
    return stretch.end


async def _write_rows(
    session: WriteSession, fold_id: int, folded: Folded, terms: Sequence[Term] | None
) -> None:
    """Predecessors first: they are what the latest state was."""
    if not folded.latest:
        return
    digests = {key: digest(key) for key in folded.latest}
    firsts = {"digests": list(map(digests.__getitem__, folded.firsts))}
    firsts["places"] = list(folded.firsts.values())  # type: ignore[arg-type] # of any column
    await session.execute(FIRSTS.bindparams(fold_id=fold_id, **firsts))
    if folded.before:
        rows: dict[str, Any] = {
            "places": [each.place for each in folded.before],
            "before": [each.record.place for each in folded.before],
            "versions": [each.record.version for each in folded.before],
            "values": [each.record.value for each in folded.before],
        }
        await session.execute(FOLLOWERS.bindparams(fold_id=fold_id, **rows))
    places, keys, versions, values = zip(*folded.latest.values(), strict=True)
    rows = {"places": list(places), "keys": list(keys), "versions": list(versions)}
    rows |= {"digests": list(digests.values()), "values": list(values), "batches": folded.batches}
    await session.execute(LATEST.bindparams(fold_id=fold_id, **rows))
    if terms is not None:
        await search_store.replace(session, fold_id, list(digests.values()), terms)


async def catch_up(session: WriteSession, me: str, lease: Lease) -> None:
    """Write down that the end of the log was reached."""
    rows = (await session.execute(CATCH_UP.bindparams(fold_id=lease.fold_id, me=me))).scalars()
    for resource_id in rows:
        await announce(session, FOLDED, resource_id)


async def skip_gap(session: WriteSession, me: str, lease: Lease, earliest: int) -> None:
    """Go on behind records that the log lost before they were folded."""
    await session.execute(GAP.bindparams(fold_id=lease.fold_id, me=me, earliest=earliest))
    await announce(session, FOLDED, lease.resource_id)


async def confirm(session: WriteSession, me: str, lease: Lease, generation: int) -> None:
    """Write down that the fold is one of the log that this generation has."""
    await session.execute(CONFIRM.bindparams(fold_id=lease.fold_id, me=me, generation=generation))


# -- forgetting -----------------------------------------------------------------------------------

TRIM_TO = text("""
    UPDATE exchange.fold SET trimmed_to = :earliest
    WHERE id = :fold_id AND holder = :me AND trimmed_to < :earliest
""")
TRIM = text("""
    DELETE FROM exchange.predecessor WHERE fold_id = :fold_id AND place IN (
        SELECT place FROM exchange.predecessor WHERE fold_id = :fold_id
        AND place < (SELECT trimmed_to FROM exchange.fold WHERE id = :fold_id)
        ORDER BY place LIMIT :most
    )
""")
GONE = text(
    "SELECT id FROM exchange.fold WHERE NOT current ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"
)
FORGET_ROWS = (
    text("""
        DELETE FROM exchange.predecessor WHERE fold_id = :fold_id AND place IN (
            SELECT place FROM exchange.predecessor WHERE fold_id = :fold_id LIMIT :most)
    """),
    text("""
        DELETE FROM exchange.search_term WHERE fold_id = :fold_id AND digest IN (
            SELECT digest FROM exchange.search_term WHERE fold_id = :fold_id LIMIT :most)
    """),
    text("""
        DELETE FROM exchange.latest WHERE fold_id = :fold_id AND digest IN (
            SELECT digest FROM exchange.latest WHERE fold_id = :fold_id LIMIT :most)
    """),
)
FORGET_FOLD = text("DELETE FROM exchange.fold WHERE id = :fold_id")


async def trim_to(session: WriteSession, me: str, lease: Lease, earliest: int) -> None:
    """Write down where the log begins: what it lost has no predecessors any more."""
    await session.execute(TRIM_TO.bindparams(fold_id=lease.fold_id, me=me, earliest=earliest))


async def trim(session: WriteSession, lease: Lease) -> int:
    """Forget predecessors of records that the log lost, at most ROWS; returns how many."""
    done: Any = await session.execute(TRIM.bindparams(fold_id=lease.fold_id, most=ROWS))
    return int(done.rowcount)


async def forget_gone(session: WriteSession, _now: datetime) -> int:
    """Forget some of the oldest fold that is not current any more; returns how many rows."""
    fold_id = (await session.execute(GONE)).scalar_one_or_none()
    if fold_id is None:
        return 0
    for statement in FORGET_ROWS:
        done: Any = await session.execute(statement.bindparams(fold_id=fold_id, most=ROWS))
        if done.rowcount:
            return int(done.rowcount)
    await session.execute(FORGET_FOLD.bindparams(fold_id=fold_id))
    return 1
