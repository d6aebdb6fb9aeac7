"""SQL of the quality of resources: declared rules, what was measured, what is to be measured."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlmodel import col, delete, or_, select, update

from exchange.quality.rules import CONFORM, READS, READY_MADE, Dimension
from exchange.quality.tables import QualityCheck, QualityDay, QualityRules, QualitySum
from kernel.database import ReadSession, WriteSession
from kernel.workdays import SHANGHAI, end_of_day

SAMPLES_MAX: Final = 10
# Days that measures are kept.
KEPT: Final = timedelta(days=400)
FORGOTTEN_AT_ONCE: Final = 5_000
# What arrives late is counted for so long, and a resource again after so long.
RECENT: Final = timedelta(hours=2)
COUNTED_AGAIN: Final = timedelta(minutes=5)


class Count(NamedTuple):
    """What a rule found of a dimension on a day."""

    resource_id: str
    day: date
    dimension: str
    rule: str
    checked: int
    failed: int
    sample_keys: Sequence[str] = ()


async def rules_of(session: ReadSession, resource_id: str) -> QualityRules | None:
    return await session.get(QualityRules, resource_id, populate_existing=True)


async def write_rules(
    session: WriteSession, new: QualityRules, *, revision: int | None, today: date
) -> int | None:
    """Store the rules, to be measured from now on; return their revision, None if they moved on.

    `revision` is what was read, None for whatever there is.
    """
    values = new.model_dump()
    again = {**values, "revision": col(QualityRules.revision) + 1}
    added = insert(QualityRules).values(**values)
    changed = added.on_conflict_do_update(
        index_elements=["resource_id"],
        set_=again,
        where=None if revision is None else col(QualityRules.revision) == revision,
    ).returning(col(QualityRules.revision))
    stored: int | None = (await session.execute(changed)).scalar_one_or_none()
    if stored is not None:
        stale = delete(QualityCheck).where(
            col(QualityCheck.resource_id) == new.resource_id,
            col(QualityCheck.day) == today,
            col(QualityCheck.rule).not_in(READY_MADE),
        )
        await session.execute(stale)
    return stored


async def measured(
    session: ReadSession, resource_id: str, since: date, until: date
) -> Sequence[QualityCheck]:
    """Return what was measured on these days, both included, in the order of days and rules."""
    query = select(QualityCheck).where(
        QualityCheck.resource_id == resource_id, col(QualityCheck.day).between(since, until)
    )
    ordered = query.order_by(col(QualityCheck.day), col(QualityCheck.rule))
    return (await session.exec(ordered)).all()


async def newest(
    session: ReadSession, resource_ids: Collection[str], since: date
) -> Sequence[QualityCheck]:
    """Return of each resource and rule what was measured last, since a day."""
    query = (
        select(QualityCheck)
        .ext(distinct_on(col(QualityCheck.resource_id), col(QualityCheck.rule)))
        .where(col(QualityCheck.resource_id).in_(resource_ids), col(QualityCheck.day) >= since)
        .order_by(
            col(QualityCheck.resource_id), col(QualityCheck.rule), col(QualityCheck.day).desc()
        )
    )
    return (await session.exec(query)).all()


async def forget_old(session: WriteSession, now: datetime) -> int:
    """Forget measures of days long past, some at a time; returns how many."""
    old = (
        select(col(QualityCheck.resource_id), col(QualityCheck.day), col(QualityCheck.rule))
        .where(col(QualityCheck.day) < (now - KEPT).date())
        .limit(FORGOTTEN_AT_ONCE)
        .subquery()
    )
    done: Any = await session.execute(
        delete(QualityCheck).where(
            col(QualityCheck.resource_id) == old.c.resource_id,
            col(QualityCheck.day) == old.c.day,
            col(QualityCheck.rule) == old.c.rule,
        )
    )
    if done.rowcount < FORGOTTEN_AT_ONCE:
        for table in (QualitySum, QualityDay):
            await session.execute(delete(table).where(col(table.day) < (now - KEPT).date()))
    return int(done.rowcount)


# -- what arrives: counts that publishing keeps ---------------------------------------------------

# A day's publishes of one resource are a range of the primary key of their counts.
_CONFORMITY: Final = text("""
    WITH due AS (
        SELECT DISTINCT p.resource_id
        FROM exchange.publish_count p
        LEFT JOIN exchange.quality_check q
            ON q.resource_id = p.resource_id AND q.day = :day AND q.rule = :rule
        WHERE p.minute >= :recent AND p.minute < :until
            AND (q.measured_at IS NULL OR q.measured_at < :counted_before)
        LIMIT :most
    )
    INSERT INTO exchange.quality_check AS c
        (resource_id, day, rule, dimension, checked, failed, sample_keys, measured_at)
    SELECT due.resource_id, :day, :rule, :dimension,
        COALESCE(accepted.records, 0) + COALESCE(refused.records, 0),
        COALESCE(refused.records, 0), '{}', :now
    FROM due
    LEFT JOIN LATERAL (
        SELECT sum(records) AS records FROM exchange.publish_count p
        WHERE p.resource_id = due.resource_id AND p.minute >= :since AND p.minute < :until
    ) AS accepted ON true
    LEFT JOIN LATERAL (
        SELECT sum(rejected) AS records FROM exchange.quarantine_batch b
        WHERE b.resource_id = due.resource_id AND b.receipt_id IS NOT NULL
            AND b.received_at >= :since AND b.received_at < :until
    ) AS refused ON true
    ON CONFLICT (resource_id, day, rule) DO UPDATE SET checked = excluded.checked,
        failed = excluded.failed, measured_at = excluded.measured_at
    RETURNING resource_id
""")


async def count_arrivals(session: WriteSession, day: date, now: datetime, most: int) -> int:
    """Count how much of what was published on a day was refused by its contract.

    Of resources to which something was published lately; returns of how many.
    """
    facts = _facts(CONFORM, Dimension.NORMATIVE, day, now, most)
    return len((await session.execute(_CONFORMITY.bindparams(**facts))).all())


def _facts(rule: str, dimension: Dimension, day: date, now: datetime, most: int) -> dict[str, Any]:
    """Return which day is counted, and of what happened how lately."""
    return {
        "day": day,
        "rule": rule,
        "dimension": str(dimension),
        "since": end_of_day(day - timedelta(days=1)).astimezone(SHANGHAI),
        "until": end_of_day(day),
        "recent": now - RECENT,
        "counted_before": now - COUNTED_AGAIN,
        "now": now,
        "most": most,
    }


# -- accessibility: reads that were answered, and reads that could not be --------------------------

# The ways in which a grant hands on data; what a caller may not do is no failure of the resource.
_WAYS: Final = ("records", "query", "verify", "call", "files", "snapshots", "preview")
_READS: Final = text("""
    WITH failed AS MATERIALIZED (
        SELECT split_part(path, '/', 4) AS subscription_id, minute, sum(count) AS reads
        FROM kernel.refusal
        WHERE at >= :since AND at < :until AND (status >= 500 OR code = 'state_incomplete')
            AND path LIKE '/v1/subscriptions/%' AND split_part(path, '/', 5) = ANY(:ways)
        GROUP BY 1, 2
    ), asked AS (
        SELECT subscription_id FROM exchange.read_count
        WHERE minute >= :recent AND minute < :until
        UNION SELECT subscription_id FROM failed WHERE minute >= :recent
    ), due AS (
        SELECT DISTINCT s.resource_id
        FROM asked JOIN exchange.subscription s ON s.id = asked.subscription_id
        LEFT JOIN exchange.quality_check q
            ON q.resource_id = s.resource_id AND q.day = :day AND q.rule = :rule
        WHERE q.measured_at IS NULL OR q.measured_at < :counted_before
        LIMIT :most
    ), hours AS (
        SELECT due.resource_id, date_trunc('hour', reads.minute) AS hour,
            sum(reads.answered) AS answered, sum(reads.failed) AS failed
        FROM due JOIN exchange.subscription s ON s.resource_id = due.resource_id
        CROSS JOIN LATERAL (
            SELECT minute, pages AS answered, 0 AS failed FROM exchange.read_count r
            WHERE r.subscription_id = s.id AND r.minute >= :since AND r.minute < :until
            UNION ALL
            SELECT minute, 0, reads FROM failed f WHERE f.subscription_id = s.id
        ) AS reads
        GROUP BY 1, 2
    ), rules AS (
        SELECT resource_id, CAST(:rule AS text) AS rule, CAST(:dimension AS text) AS dimension,
            NULL::numeric AS share
        FROM due
        UNION ALL
        SELECT due.resource_id, rule ->> 'id', rule ->> 'dimension',
            COALESCE(CAST(rule ->> 'threshold' AS numeric), 1)
        FROM due JOIN exchange.quality_rules d ON d.resource_id = due.resource_id
        CROSS JOIN LATERAL jsonb_array_elements(d.rules) AS rule
        WHERE rule ->> 'kind' = 'answered'
    )
    INSERT INTO exchange.quality_check AS c
        (resource_id, day, rule, dimension, checked, failed, sample_keys, measured_at)
    SELECT resource_id, :day, rule, dimension,
        CASE WHEN share IS NULL THEN sum(answered + failed) ELSE count(*) END,
        CASE WHEN share IS NULL THEN sum(failed)
            ELSE count(*) FILTER (WHERE answered < share * (answered + failed)) END,
        '{}', :now
    FROM rules JOIN hours USING (resource_id)
    GROUP BY resource_id, rule, dimension, share
    ON CONFLICT (resource_id, day, rule) DO UPDATE SET checked = excluded.checked,
        failed = excluded.failed, measured_at = excluded.measured_at
    RETURNING resource_id, rule
""")


async def count_reads(session: WriteSession, day: date, now: datetime, most: int) -> int:
    """Count how many reads of a day were answered, and how many could not be.

    Of resources that somebody tried to read lately; returns of how many. A declared rule counts
    the hours in which the share that it asks for was answered.
    """
    facts = _facts(READS, Dimension.ACCESSIBLE, day, now, most) | {"ways": list(_WAYS)}
    rows = (await session.execute(_READS.bindparams(**facts))).all()
    return sum(1 for row in rows if row.rule == READS)


# -- timeliness -----------------------------------------------------------------------------------


async def take_day(session: WriteSession, day: date) -> QualityDay | None:
    """Lock what is left of a day; None where all is done, or somebody else is at it."""
    await session.execute(
        insert(QualityDay).values(day=day, after="", done=False).on_conflict_do_nothing()
    )
    query = select(QualityDay).where(QualityDay.day == day, ~col(QualityDay.done))
    return (await session.exec(query.with_for_update(skip_locked=True))).one_or_none()


async def move_day(session: WriteSession, day: date, after: str, *, done: bool) -> None:
    place = update(QualityDay).where(col(QualityDay.day) == day)
    await session.execute(place.values(after=after, done=done))


# -- declared rules -------------------------------------------------------------------------------


async def take_due(session: WriteSession, today: date, now: datetime) -> QualityRules | None:
    """Lock rules that are to be measured; those begun before go first."""
    query = (
        select(QualityRules)
        .where(
            or_(col(QualityRules.measured_on).is_(None), col(QualityRules.measured_on) < today),
            or_(col(QualityRules.wait_until).is_(None), col(QualityRules.wait_until) <= now),
        )
        .order_by(col(QualityRules.measuring_on).nulls_last(), col(QualityRules.measured_on))
        .limit(1)
    )
    locked = query.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    return (await session.exec(locked)).one_or_none()


async def move(session: WriteSession, resource_id: str, **facts: Any) -> None:  # noqa: ANN401
    """Write how far the rules of a resource are measured, which this transaction has locked."""
    of = update(QualityRules).where(col(QualityRules.resource_id) == resource_id)
    await session.execute(of.values(**facts))


async def add(session: WriteSession, counts: Collection[Count], now: datetime) -> None:
    """Add to what rules found, with a few keys of records that failed.

    In one statement: what a department's checks come to is written with each (migration 0071).
    """
    if not counts:
        return
    rows = [
        {**each._asdict(), "sample_keys": list(each.sample_keys), "measured_at": now}
        for each in counts
    ]
    new = insert(QualityCheck).values(rows)
    samples = (col(QualityCheck.sample_keys) + new.excluded.sample_keys)[1:SAMPLES_MAX]
    adding = new.on_conflict_do_update(
        index_elements=["resource_id", "day", "rule"],
        set_={
            "checked": col(QualityCheck.checked) + new.excluded.checked,
            "failed": col(QualityCheck.failed) + new.excluded.failed,
            "sample_keys": samples,
            "measured_at": now,
        },
    )
    await session.execute(adding)
