"""SQL of pushing: leases, lanes, deliveries, hosts. Each statement is one way to the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col, select

from exchange.delivery.push.tables import Delivery, Lane
from exchange.metering.ledger.digests import PageFacts
from kernel.database import ReadSession, WriteSession
from kernel.workdays import local_date

LEASE_SECONDS: Final = 2
"""With a round each half second, what a killed worker pushed goes on within three seconds."""
FORGOTTEN_AT_ONCE: Final = 5_000

# -- leases ---------------------------------------------------------------------------------------

CLAIM = text("""
    WITH claimed AS (
        UPDATE exchange.push_endpoint e SET holder = :me,
            leased_until = clock_timestamp() + make_interval(secs => :seconds)
        FROM (
            SELECT p.id FROM exchange.push_endpoint p
            JOIN exchange.subscription s ON s.id = p.id
            WHERE p.status = 'active' AND s.mode = 'push' AND s.status IN ('active', 'suspended')
                AND s.valid_until >= :today AND (
                    p.holder = :me OR p.leased_until IS NULL OR p.leased_until < clock_timestamp()
                )
            ORDER BY p.holder = :me DESC NULLS LAST, p.id LIMIT :most
            FOR NO KEY UPDATE OF p SKIP LOCKED
        ) c WHERE e.id = c.id
        RETURNING e.id
    )
    SELECT id FROM claimed UNION
    -- What is being changed at this moment is left out above, and is still held.
    SELECT id FROM exchange.push_endpoint
    WHERE holder = :me AND status = 'active' AND leased_until > clock_timestamp()
""")
RELEASE = text("""
    UPDATE exchange.push_endpoint SET holder = NULL, leased_until = NULL WHERE holder = :me
""")


async def claim(connection: AsyncConnection, me: str, most: int, today: date) -> set[str]:
    """Renew what this process pushes, take what nobody pushes, and return what it holds then."""
    facts = {"me": me, "most": most, "seconds": LEASE_SECONDS, "today": today}
    return set((await connection.execute(CLAIM.bindparams(**facts))).scalars())


async def release(session: WriteSession, me: str) -> None:
    await session.execute(RELEASE.bindparams(me=me))


# -- lanes ----------------------------------------------------------------------------------------

OPEN = text("""
    INSERT INTO exchange.push_lane
        (subscription_id, partition, topic_id, next_offset, attempts, told)
    SELECT :id, p, :topic_id, CASE
        WHEN jsonb_array_length(s.position) = :partitions
            AND (s.position_topic IS NULL OR s.position_topic = :topic_id)
        THEN CAST(s.position ->> p AS bigint) END, 0, s.position_told
    FROM exchange.subscription s, generate_series(0, :partitions - 1) AS p
    WHERE s.id = :id ORDER BY p
    ON CONFLICT DO NOTHING
""")


async def open_lanes(
    session: WriteSession, subscription_id: str, topic_id: bytes, partitions: int
) -> None:
    """Let a subscription's lanes begin where it stands, or with the first record."""
    facts = {"id": subscription_id, "topic_id": topic_id, "partitions": partitions}
    await session.execute(OPEN.bindparams(**facts))


async def lane(session: ReadSession, subscription_id: str, partition: int) -> Lane:
    query = select(Lane).where(
        col(Lane.subscription_id) == subscription_id, col(Lane.partition) == partition
    )
    return (await session.exec(query.execution_options(populate_existing=True))).one()


async def lanes(session: ReadSession, subscription_id: str) -> Sequence[Lane]:
    query = select(Lane).where(col(Lane.subscription_id) == subscription_id)
    return (await session.exec(query.order_by(col(Lane.partition)))).all()


async def lane_of(session: WriteSession, subscription_id: str, delivery_id: str) -> Lane | None:
    """Return the lane whose batch it is, and keep others from moving it."""
    query = select(Lane).where(
        col(Lane.subscription_id) == subscription_id, col(Lane.delivery_id) == delivery_id
    )
    return (await session.exec(query.with_for_update())).first()


FORGET_GAP = text("""
    UPDATE exchange.push_lane SET next_offset = NULL, batch_end = NULL, delivery_id = NULL,
        attempts = 0, next_attempt_at = NULL, reserved = NULL, batch_told = NULL
    WHERE subscription_id = :id
""")
LOST = text("""
    UPDATE exchange.push_delivery SET status = 'skipped', skip_reason = 'cursor_expired',
        ended_at = clock_timestamp(), next_attempt_at = NULL
    WHERE subscription_id = :id AND status IN ('sending', 'waiting')
""")


async def past_gap(session: WriteSession, subscription_id: str) -> None:
    """Let every lane begin with the first record that the log keeps; what waited is lost."""
    await session.execute(FORGET_GAP.bindparams(id=subscription_id))
    await session.execute(LOST.bindparams(id=subscription_id))


# -- attempts -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attempt:
    """A batch at the moment at which it is about to be sent."""

    subscription_id: str
    partition: int
    delivery_id: str
    topic_id: bytes
    first: int
    end: int
    number: int
    records: int
    size_bytes: int
    available_only: bool
    reserved: int | None
    # The last recalled key that was pushed before, and that of a batch of such keys.
    told: int = 0
    batch_told: int | None = None
    # What the delivery ledger keeps of the lines once they are accepted, where there is one.
    listed: PageFacts | None = None


BEGIN = text("""
    WITH lane AS (
        UPDATE exchange.push_lane SET topic_id = :topic_id, next_offset = :first,
            batch_end = :end, delivery_id = :delivery_id, attempts = :number,
            next_attempt_at = NULL, reserved = :reserved, told = :told, batch_told = :batch_told
        WHERE subscription_id = :subscription_id AND partition = :partition
            AND next_offset IS NOT DISTINCT FROM CAST(:known_offset AS bigint)
            AND delivery_id IS NOT DISTINCT FROM CAST(:known_delivery AS text)
            AND EXISTS (
                SELECT FROM exchange.push_endpoint
                WHERE id = :subscription_id AND holder = :me AND status = 'active'
                    AND leased_until > clock_timestamp()
            )
        RETURNING subscription_id
    ), replaced AS (
        -- It no longer fitted: its records go in smaller batches, the first of which is this one.
        DELETE FROM exchange.push_delivery
        WHERE id = CAST(:known_delivery AS text) AND id <> :delivery_id
            AND EXISTS (SELECT FROM lane)
    )
    INSERT INTO exchange.push_delivery AS d (id, subscription_id, partition, status, records,
        size_bytes, available_only, attempts, begun_at, tried_at)
    SELECT :delivery_id, :subscription_id, :partition, 'sending', :records, :size_bytes,
        :available_only, :number, :now, :now FROM lane
    ON CONFLICT (id) DO UPDATE SET status = 'sending', records = excluded.records,
        size_bytes = excluded.size_bytes, available_only = excluded.available_only,
        attempts = excluded.attempts, tried_at = excluded.tried_at, next_attempt_at = NULL,
        ended_at = NULL, skipped_by = NULL, skip_reason = NULL
    RETURNING d.id
""")
DELIVERED = text("""
    WITH lane AS (
        UPDATE exchange.push_lane SET next_offset = batch_end, batch_end = NULL,
            delivery_id = NULL, attempts = 0, next_attempt_at = NULL, reserved = NULL,
            told = COALESCE(batch_told, told), batch_told = NULL
        WHERE subscription_id = :subscription_id AND partition = :partition
            AND delivery_id = :delivery_id
        RETURNING subscription_id
    ), listed AS (
        INSERT INTO exchange.ledger_page (subscription_id, day, page, records, deletes, digest)
        SELECT subscription_id, CAST(:day AS date), :delivery_id, CAST(:lines AS int),
            CAST(:deletes AS int), CAST(:digest AS bytea)
        FROM lane WHERE CAST(:digest AS bytea) IS NOT NULL
    )
    UPDATE exchange.push_delivery SET status = 'delivered', ended_at = :now,
        answer_status = :status, answer = :answer, failure = NULL
    WHERE id = :delivery_id AND EXISTS (SELECT FROM lane)
    RETURNING id
""")
WAITING = text("""
    WITH lane AS (
        UPDATE exchange.push_lane SET next_attempt_at = :next_attempt_at, reserved = :reserved
        WHERE subscription_id = :subscription_id AND partition = :partition
            AND delivery_id = :delivery_id
        RETURNING subscription_id
    )
    UPDATE exchange.push_delivery SET status = 'waiting', next_attempt_at = :next_attempt_at,
        answer_status = :status, answer = :answer, failure = :failure
    WHERE id = :delivery_id AND EXISTS (SELECT FROM lane)
    RETURNING id
""")


async def begin(
    connection: AsyncConnection,
    me: str,
    attempt: Attempt,
    known: tuple[int | None, str | None],
    now: datetime,
) -> bool:
    """Write down what is about to be sent.

    False where the lease is another's by now, or the lane is not as it was `known`: its next
    offset, and the batch that waited.
    """
    facts = {
        "subscription_id": attempt.subscription_id,
        "partition": attempt.partition,
        "delivery_id": attempt.delivery_id,
        "topic_id": attempt.topic_id,
        "first": attempt.first,
        "end": attempt.end,
        "number": attempt.number,
        "records": attempt.records,
        "size_bytes": attempt.size_bytes,
        "available_only": attempt.available_only,
        "reserved": attempt.reserved,
        "told": attempt.told,
        "batch_told": attempt.batch_told,
        "known_offset": known[0],
        "known_delivery": known[1],
    }
    rows = await connection.execute(BEGIN.bindparams(me=me, now=now, **facts))
    return rows.first() is not None


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended; `next_attempt_at` is None for what was delivered."""

    status: int | None
    answer: bytes
    failure: str | None = None
    next_attempt_at: datetime | None = None
    reserved: int | None = None


async def end(connection: AsyncConnection, attempt: Attempt, ending: Ending, now: datetime) -> bool:
    """Write down how an attempt ended; False where the lane has gone another way meanwhile."""
    facts: dict[str, Any] = {
        "subscription_id": attempt.subscription_id,
        "partition": attempt.partition,
        "delivery_id": attempt.delivery_id,
        "status": ending.status,
        "answer": ending.answer or None,
    }
    if ending.next_attempt_at is None:
        lines, deletes, digest = attempt.listed or (0, 0, None)
        listed = {"lines": lines, "deletes": deletes, "digest": digest, "day": local_date(now)}
        statement = DELIVERED.bindparams(now=now, **listed, **facts)
    else:
        waits = {"next_attempt_at": ending.next_attempt_at, "reserved": ending.reserved}
        statement = WAITING.bindparams(failure=ending.failure, **waits, **facts)
    return (await connection.execute(statement)).first() is not None


# -- deliveries -----------------------------------------------------------------------------------

AGAIN = text("""
    WITH lane AS (
        UPDATE exchange.push_lane SET next_attempt_at = NULL
        WHERE subscription_id = :subscription_id AND delivery_id = :id
        RETURNING subscription_id
    )
    UPDATE exchange.push_delivery SET next_attempt_at = :now
    WHERE id = :id AND EXISTS (SELECT FROM lane)
""")
SKIP = text("""
    WITH lane AS (
        UPDATE exchange.push_lane SET next_offset = batch_end, batch_end = NULL,
            delivery_id = NULL, attempts = 0, next_attempt_at = NULL, reserved = NULL,
            told = COALESCE(batch_told, told), batch_told = NULL
        WHERE subscription_id = :subscription_id AND delivery_id = :id
        RETURNING subscription_id
    )
    UPDATE exchange.push_delivery SET status = 'skipped', ended_at = :now, skipped_by = :by,
        skip_reason = :reason, next_attempt_at = NULL
    WHERE id = :id AND EXISTS (SELECT FROM lane)
""")
FORGET = text("""
    DELETE FROM exchange.push_delivery WHERE id IN (
        SELECT id FROM exchange.push_delivery WHERE ended_at < :before LIMIT :most
        FOR UPDATE SKIP LOCKED
    )
""")


async def deliveries(
    session: ReadSession, subscription_id: str, status: str | None, before: int | None, most: int
) -> Sequence[Delivery]:
    """Return deliveries, the newest first, those before a number if one is given."""
    query = select(Delivery).where(col(Delivery.subscription_id) == subscription_id)
    if status is not None:
        query = query.where(col(Delivery.status) == status)
    if before is not None:
        query = query.where(col(Delivery.number) < before)
    return (await session.exec(query.order_by(col(Delivery.number).desc()).limit(most))).all()


async def delivery(session: ReadSession, subscription_id: str, delivery_id: str) -> Delivery | None:
    query = select(Delivery).where(
        col(Delivery.id) == delivery_id, col(Delivery.subscription_id) == subscription_id
    )
    return (await session.exec(query.execution_options(populate_existing=True))).first()


async def retry_now(
    session: WriteSession, subscription_id: str, delivery_id: str, now: datetime
) -> None:
    facts = {"subscription_id": subscription_id, "id": delivery_id, "now": now}
    await session.execute(AGAIN.bindparams(**facts))


async def skip(session: WriteSession, row: Delivery, by: str, reason: str, now: datetime) -> None:
    facts = {"subscription_id": row.subscription_id, "id": row.id, "now": now}
    await session.execute(SKIP.bindparams(by=by, reason=reason, **facts))


async def forget(session: WriteSession, before: datetime) -> int:
    """Delete deliveries that ended before; returns how many, FORGOTTEN_AT_ONCE at most."""
    rows = await session.execute(FORGET.bindparams(before=before, most=FORGOTTEN_AT_ONCE))
    return int(rows.rowcount)  # type: ignore[attr-defined] # of a DELETE


# -- hosts ----------------------------------------------------------------------------------------

FAILED = text("""
    INSERT INTO exchange.push_host AS h (host, failures, changed_at) VALUES (:host, 1, :now)
    ON CONFLICT (host) DO UPDATE SET failures = h.failures + 1, changed_at = excluded.changed_at
    RETURNING failures
""")
LEAVE_ALONE = text("""
    UPDATE exchange.push_host SET open_until = clock_timestamp() + make_interval(secs => :seconds)
    WHERE host = :host
""")
WORKS = text("DELETE FROM exchange.push_host WHERE host = :host")
TRIAL = text("""
    UPDATE exchange.push_host SET open_until = clock_timestamp() + make_interval(secs => :seconds)
    WHERE host = :host AND open_until <= clock_timestamp()
    RETURNING host
""")
BROKEN = text("""
    SELECT host, failures,
        GREATEST(0, extract(epoch FROM open_until - clock_timestamp()))::float8 AS seconds
    FROM exchange.push_host ORDER BY host LIMIT 20000
""")


async def host_failed(session: WriteSession, host: str, now: datetime) -> int:
    """Count a failure; returns how many there were in a row."""
    rows = await session.execute(FAILED.bindparams(host=host, now=now))
    return int(rows.scalar_one())


async def leave_alone(session: WriteSession, host: str, seconds: float) -> None:
    await session.execute(LEAVE_ALONE.bindparams(host=host, seconds=seconds))


async def host_works(session: WriteSession, host: str) -> None:
    await session.execute(WORKS.bindparams(host=host))


async def begin_trial(session: WriteSession, host: str, seconds: float) -> bool:
    """Whether this caller may test the host; others leave it alone for so long."""
    rows = await session.execute(TRIAL.bindparams(host=host, seconds=seconds))
    return rows.first() is not None


async def failing_hosts(session: ReadSession) -> Mapping[str, tuple[int, float | None]]:
    """Return hosts with failures, and for how many seconds more each is left alone."""
    rows = await session.execute(BROKEN)
    return {row.host: (row.failures, row.seconds) for row in rows}
