"""SQL of the delivery ledger."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from exchange.metering.ledger.digests import NewPage
from exchange.metering.ledger.tables import LedgerDay, LedgerPage
from kernel import batches, locks
from kernel.database import ReadSession, WriteSession
from kernel.statements import Statements


class Sums(NamedTuple):
    """All pages of a day; `digest` is that of their digests in order."""

    pages: int
    records: int
    deletes: int
    digest: bytes


# Digests of statement parameters come in one order, and so do their ids.
ADD = (
    "INSERT INTO exchange.ledger_page (subscription_id, day, page, records, deletes, digest)"
    " SELECT p.subscription_id, p.day, p.page, p.records, p.deletes, p.digest"
    " FROM unnest($1::text[], $2::date[], $3::text[], $4::int[], $5::int[], $6::bytea[])"
    " WITH ORDINALITY AS p (subscription_id, day, page, records, deletes, digest, nth)"
    " ORDER BY p.nth RETURNING page, id"
)
WITHDRAW = (
    "DELETE FROM exchange.ledger_page AS l"
    " USING unnest($1::text[], $2::date[], $3::text[]) AS p (subscription_id, day, page)"
    " WHERE l.subscription_id = p.subscription_id AND l.day = p.day AND l.page = p.page"
)
LIST_FILE = text("""
    INSERT INTO exchange.ledger_page (subscription_id, day, page, records, deletes, digest)
    SELECT CAST(:subscription_id AS text), CAST(:day AS date), CAST(:page AS text),
        CAST(:records AS int), CAST(:deletes AS int), CAST(:digest AS bytea)
    WHERE NOT EXISTS (
        SELECT FROM exchange.ledger_page
        WHERE subscription_id = :subscription_id AND day = :day AND page = :page
    )
""")
SUMS = text("""
    SELECT count(*), COALESCE(sum(records), 0), COALESCE(sum(deletes), 0),
        sha256(COALESCE(string_agg(digest, '' ORDER BY id), ''))
    FROM exchange.ledger_page WHERE subscription_id = :subscription_id AND day = :day
""")


async def add(statements: Statements, pages: Sequence[NewPage]) -> None:
    """Write pages down, in this order."""
    await statements.run(
        ADD,
        [each.subscription_id for each in pages],
        [each.day for each in pages],
        [each.page for each in pages],
        [each.facts.records for each in pages],
        [each.facts.deletes for each in pages],
        [each.facts.digest for each in pages],
    )


async def list_file(session: WriteSession, page: NewPage) -> None:
    """Write a file down whose download begins, once a day."""
    await locks.hold_named(session, locks.Lock.LEDGER_FILE, page.page, alone=True)
    facts = page._asdict() | page.facts._asdict()
    del facts["facts"]
    await session.execute(LIST_FILE.bindparams(**facts))


async def withdraw(statements: Statements, pages: Sequence[NewPage]) -> None:
    """Forget pages of which nothing, or not all, was handed on."""
    await statements.run(
        WITHDRAW,
        [each.subscription_id for each in pages],
        [each.day for each in pages],
        [each.page for each in pages],
    )


async def sums(session: ReadSession, subscription_id: str, day: date) -> Sums:
    rows = await session.execute(SUMS.bindparams(subscription_id=subscription_id, day=day))
    pages, records, deletes, digest = rows.one()
    return Sums(int(pages), int(records), int(deletes), bytes(digest))


async def pages(
    session: ReadSession, subscription_id: str, day: date, after: int, most: int
) -> Sequence[LedgerPage]:
    """Return pages of a day behind an id, in their order."""
    query = (
        select(LedgerPage)
        .where(
            LedgerPage.subscription_id == subscription_id,
            LedgerPage.day == day,
            col(LedgerPage.id) > after,
        )
        .order_by(col(LedgerPage.id))
        .limit(most)
    )
    return (await session.exec(query)).all()


async def confirmed(session: ReadSession, subscription_id: str, day: date) -> LedgerDay | None:
    return await session.get(LedgerDay, (subscription_id, day), populate_existing=True)


async def confirm(session: WriteSession, row: LedgerDay) -> None:
    """Keep what was confirmed last of a day."""
    values = row.model_dump()
    changes = {name: values[name] for name in ("digest", "confirmed_by", "confirmed_at", "jws")}
    await session.execute(
        insert(LedgerDay)
        .values(**values)
        .on_conflict_do_update(index_elements=["subscription_id", "day"], set_=changes)
    )


async def forget_old(session: WriteSession, now: datetime, *, days: int) -> int:
    """Delete some of the pages and days past their term; return how many."""
    before = (now - timedelta(days=days)).date()
    gone = await batches.delete_some(session, LedgerPage, col(LedgerPage.day) < before)
    return max(gone, await batches.delete_some(session, LedgerDay, col(LedgerDay.day) < before))
