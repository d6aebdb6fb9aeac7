"""SQL of the budgets of verifying: held by one worker at a time, for each subscription."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import col

from exchange.delivery.lookup.budgets import Window
from exchange.delivery.lookup.tables import VerifySubject
from kernel import batches
from kernel.database import WriteSession

KEPT_DAYS = 2
OPEN = text("""
    INSERT INTO exchange.verify_window (subscription_id, day, subjects, outcomes, alarms)
    SELECT id, :day, 0, '', 0 FROM unnest(CAST(:ids AS text[])) AS id ORDER BY id
    ON CONFLICT DO NOTHING
""")
HOLD = text("""
    SELECT subscription_id, day, subjects, outcomes, alarms FROM exchange.verify_window
    WHERE subscription_id = ANY(:ids) ORDER BY subscription_id FOR UPDATE
""")
TRIES = text("""
    SELECT s.subscription_id, s.subject, s.tries FROM exchange.verify_subject s
    JOIN unnest(CAST(:ids AS text[]), CAST(:subjects AS bytea[])) AS q (id, subject)
        ON s.subscription_id = q.id AND s.day = :day AND s.subject = q.subject
""")
SAVE = text("""
    WITH windows AS (
        UPDATE exchange.verify_window w SET day = :day, subjects = r.subjects,
            outcomes = r.outcomes, alarms = r.alarms
        FROM unnest(CAST(:ids AS text[]), CAST(:subjects AS int[]), CAST(:outcomes AS text[]),
            CAST(:alarms AS int[])) AS r (id, subjects, outcomes, alarms)
        WHERE w.subscription_id = r.id
    )
    INSERT INTO exchange.verify_subject AS s (subscription_id, day, subject, tries)
    SELECT id, :day, subject, tries
    FROM unnest(CAST(:tried_ids AS text[]), CAST(:tried_subjects AS bytea[]),
        CAST(:tries AS int[])) AS r (id, subject, tries)
    ON CONFLICT (subscription_id, day, subject) DO UPDATE SET tries = excluded.tries
""")

Subject = tuple[str, bytes]
"""A subscription, and the keyed hash of a key."""


async def open_windows(
    connection: AsyncConnection, subscription_ids: Collection[str], day: date
) -> None:
    """Make the windows that are not there; in a transaction of its own, which waits for no other's.

    A session that held some windows while it made others could wait for one that waits for it.
    """
    await connection.execute(OPEN, {"ids": list(subscription_ids), "day": day})


async def hold(
    session: WriteSession, subscription_ids: Collection[str], day: date
) -> dict[str, Window]:
    """Lock and return the windows of subscriptions as they are on a day, those that there are."""
    rows = await session.execute(HOLD, {"ids": list(subscription_ids)})
    return {row[0]: Window(*row[1:]).on(day) for row in rows}


async def tries(
    session: WriteSession, subjects: Collection[Subject], day: date
) -> dict[Subject, int]:
    """Return how often each subject was tried on a day; those that were not are left out."""
    facts = {"ids": [id_ for id_, _ in subjects], "subjects": [subject for _, subject in subjects]}
    rows = await session.execute(TRIES, {"day": day, **facts})
    return {(subscription_id, bytes(subject)): count for subscription_id, subject, count in rows}


async def save(
    session: WriteSession, windows: Mapping[str, Window], tried: Mapping[Subject, int], day: date
) -> None:
    """Write windows and tries that this session holds."""
    facts = {
        "day": day,
        "ids": list(windows),
        "subjects": [window.subjects for window in windows.values()],
        "outcomes": [window.outcomes for window in windows.values()],
        "alarms": [window.alarms for window in windows.values()],
        "tried_ids": [id_ for id_, _subject in tried],
        "tried_subjects": [subject for _id, subject in tried],
        "tries": list(tried.values()),
    }
    await session.execute(SAVE, facts)


async def forget_old(session: WriteSession, now: datetime) -> int:
    """Forget what was tried on days that are over; returns how many rows."""
    before = (now - timedelta(days=KEPT_DAYS)).date()
    return await batches.delete_some(session, VerifySubject, col(VerifySubject.day) < before)
