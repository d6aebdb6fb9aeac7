"""SQL of recalls: asked for by an agreement, made by a worker, read by every way that follows."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import text

from exchange.metering.evidence.delivered import FLUSHED, FOUND_OUT
from kernel.changes import announce
from kernel.database import ReadSession, WriteSession

LEASE_SECONDS: Final = 10
# Numbers of one generation of the database, of one subscription.
GENERATION_BITS: Final = 30


class Standing(NamedTuple):
    """The last number of a subscription's lists; while one is made, nothing may leave."""

    last: int = 0
    making: bool = False


class Due(NamedTuple):
    subscription_id: str
    revision: int
    asked_at: datetime
    made: bool
    again: bool


class Key(NamedTuple):
    n: int
    key: bytes
    version: int


class NewKey(NamedTuple):
    partition: int
    digest: bytes
    key: bytes
    version: int


BEGIN = text("""
    INSERT INTO exchange.recall
        (subscription_id, revision, asked_at, look_at, again, last)
    SELECT :id, :revision, at, at + make_interval(secs => :seconds), false, 0
    FROM clock_timestamp() AS at
""")
STANDING = text("""
    SELECT subscription_id, max(last), bool_or(made_at IS NULL) FROM exchange.recall
    WHERE subscription_id = ANY(:ids) GROUP BY subscription_id
""")
CLAIM = text("""
    UPDATE exchange.recall r SET leased_until = clock_timestamp() + make_interval(secs => :seconds)
    FROM (
        SELECT subscription_id, revision FROM exchange.recall
        WHERE look_at <= clock_timestamp()
            AND (leased_until IS NULL OR leased_until < clock_timestamp())
        ORDER BY look_at LIMIT 1 FOR UPDATE SKIP LOCKED
    ) AS c WHERE (r.subscription_id, r.revision) = (c.subscription_id, c.revision)
    RETURNING r.subscription_id, r.revision, r.asked_at, r.made_at IS NOT NULL, r.again
""")
HOLD = text("""
    UPDATE exchange.recall SET leased_until = clock_timestamp() + make_interval(secs => :seconds)
    WHERE subscription_id = :id AND revision = :revision AND made_at IS NULL RETURNING revision
""")
FLOOR = text("""
    SELECT greatest(
        (SELECT max(number) FROM kernel.generation) << :bits,
        (SELECT max(n) FROM exchange.recalled_key WHERE subscription_id = :id)
    )
""")
ADD = text("""
    INSERT INTO exchange.recalled_key
        (subscription_id, n, revision, partition, digest, key, version)
    SELECT :id, :floor + row_number() OVER (ORDER BY r.place), :revision, r.partition, r.digest,
        r.key, r.version
    FROM unnest(CAST(:partitions AS int[]), CAST(:digests AS bytea[]), CAST(:keys AS bytea[]),
        CAST(:versions AS int[])) WITH ORDINALITY AS r (partition, digest, key, version, place)
    WHERE NOT EXISTS (
        SELECT FROM exchange.recalled_key k WHERE k.subscription_id = :id
        AND k.revision = :revision AND k.digest = r.digest
    )
""")
MADE = text("""
    UPDATE exchange.recall SET made_at = clock_timestamp(), leased_until = NULL,
        look_at = asked_at + make_interval(secs => CAST(:again AS float8)),
        last = COALESCE((SELECT max(n) FROM exchange.recalled_key k
            WHERE k.subscription_id = :id AND k.revision = :revision), 0)
    WHERE subscription_id = :id AND revision = :revision AND made_at IS NULL
    RETURNING (SELECT count(*) FROM exchange.recalled_key k
        WHERE k.subscription_id = :id AND k.revision = :revision)
""")
REOPEN = text("""
    UPDATE exchange.recall SET made_at = NULL, again = true, leased_until = NULL,
        look_at = clock_timestamp() + make_interval(secs => :seconds)
    WHERE subscription_id = :id AND revision = :revision
""")
LATER = text("""
    UPDATE exchange.recall SET leased_until = NULL,
        look_at = clock_timestamp() + make_interval(secs => CAST(:seconds AS float8))
    WHERE subscription_id = :id AND revision = :revision
""")
AFTER = text("""
    SELECT n, key, version FROM exchange.recalled_key
    WHERE subscription_id = :id AND n > :after AND n <= :last
        AND (CAST(:partition AS int) IS NULL OR partition = :partition)
    ORDER BY n LIMIT :most
""")
FORGET = text("""
    DELETE FROM exchange.recalled_key WHERE ctid = ANY(ARRAY(
        SELECT k.ctid FROM exchange.recalled_key k
        JOIN exchange.subscription s ON s.id = k.subscription_id
        WHERE s.status IN ('expired', 'terminated') AND s.valid_until < CAST(:before AS date)
        LIMIT :most
    ))
""")
FORGOTTEN_AFTER: Final = timedelta(days=60)
FORGOTTEN_AT_ONCE: Final = 5_000


async def begin(session: WriteSession, subscription_id: str, revision: int) -> None:
    """Let a revision begin with a list; from now on nothing leaves until it is made.

    All its times are the database's: no clock that is off holds it up.
    """
    whose = {"id": subscription_id, "revision": revision}
    await session.execute(BEGIN.bindparams(seconds=FLUSHED.total_seconds(), **whose))


async def standing(session: ReadSession, ids: Sequence[str]) -> Mapping[str, Standing]:
    """Return where the lists of those subscriptions stand that have any."""
    rows = await session.execute(STANDING.bindparams(ids=list(ids)))
    return {id_: Standing(last, making) for id_, last, making in rows}


async def claim(session: WriteSession) -> Due | None:
    """Return a list that is due and that nobody makes; it is the caller's for LEASE_SECONDS."""
    row = (await session.execute(CLAIM.bindparams(seconds=LEASE_SECONDS))).first()
    return None if row is None else Due(*row)


async def add(session: WriteSession, due: Due, keys: Sequence[NewKey]) -> bool:
    """Add keys that the list has not yet; False where somebody has finished it meanwhile.

    Whoever adds holds the list until the transaction ends: numbers are seen in their order.
    """
    whose: dict[str, Any] = {"id": due.subscription_id, "revision": due.revision}
    held = await session.execute(HOLD.bindparams(seconds=LEASE_SECONDS, **whose))
    if held.first() is None:
        return False
    if keys:
        facts = {"id": due.subscription_id, "bits": GENERATION_BITS}
        floor = (await session.execute(FLOOR.bindparams(**facts))).scalar_one()
        partitions, digests, values, versions = (list(each) for each in zip(*keys, strict=True))
        rows = {"partitions": partitions, "digests": digests, "keys": values, "versions": versions}
        await session.execute(ADD.bindparams(floor=floor, **whose, **rows))
    return True


async def finish(session: WriteSession, due: Due) -> int | None:
    """Let the subscription go on, on every worker; return how many keys the list has.

    None where somebody was faster. What killed workers had handed on is looked at later.
    """
    whose = {"id": due.subscription_id, "revision": due.revision}
    again = None if due.again else FOUND_OUT.total_seconds()
    rows = await session.execute(MADE.bindparams(again=again, **whose))
    count = rows.scalar_one_or_none()
    if count is not None:
        await announce(session, "subscription", due.subscription_id)
    return count


async def reopen(session: WriteSession, due: Due) -> None:
    """Let nothing leave until the list is made again, with what it has."""
    whose = {"id": due.subscription_id, "revision": due.revision}
    await session.execute(REOPEN.bindparams(seconds=FLUSHED.total_seconds(), **whose))
    await announce(session, "subscription", due.subscription_id)


async def look_later(session: WriteSession, due: Due, seconds: float | None) -> None:
    """Look at a list again in some seconds, None: never."""
    whose = {"id": due.subscription_id, "revision": due.revision}
    await session.execute(LATER.bindparams(seconds=seconds, **whose))


async def after(
    session: ReadSession,
    subscription_id: str,
    number: int,
    last: int,
    most: int,
    partition: int | None = None,
) -> list[Key]:
    """Return keys behind a number up to another, of one partition if one is named."""
    facts = {"id": subscription_id, "after": number, "last": last, "most": most}
    rows = await session.execute(AFTER.bindparams(partition=partition, **facts))
    return [Key(*row) for row in rows]


async def forget_ended(session: WriteSession, now: datetime) -> int:
    """Forget lists of what ended so long ago that it cannot be renewed; returns how many rows."""
    before = (now - FORGOTTEN_AFTER).date()
    done: Any = await session.execute(FORGET.bindparams(before=before, most=FORGOTTEN_AT_ONCE))
    return int(done.rowcount)
