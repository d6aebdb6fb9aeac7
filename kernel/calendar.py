"""The calendar as the database knows it, and how every process comes to count by it."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, func, select

from kernel import workdays
from kernel.calendar_tables import CalendarYear
from kernel.changes import ChangeFeed
from kernel.database import Database, ReadSession, WriteSession, is_passing
from kernel.workdays import Calendar

log = logging.getLogger(__name__)

KIND: Final = "calendar"
ASK_SECONDS: Final = 5.0
# A change is told; whoever missed it looks by itself so often.
LOOK_SECONDS: Final = 30.0


async def read(session: ReadSession) -> Calendar:
    rows = (await session.exec(select(CalendarYear))).all()
    return Calendar({row.year: _days(row.days) for row in rows})


def _days(stored: Mapping[str, bool]) -> dict[date, bool]:
    return {date.fromisoformat(day): works for day, works in stored.items()}


async def year_of(session: ReadSession, year: int) -> CalendarYear | None:
    return await session.get(CalendarYear, year, populate_existing=True)


async def changed_since(session: ReadSession, moment: datetime) -> bool:
    """Return whether a year was changed since."""
    query = select(func.count()).where(col(CalendarYear.changed_at) >= moment)
    return (await session.exec(query)).one() > 0


async def write(session: WriteSession, new: CalendarYear, revision: int | None) -> int | None:
    """Store a year; return its revision, None where it is not at `revision` any more."""
    values = new.model_dump()
    again = {**values, "revision": col(CalendarYear.revision) + 1}
    statement = (
        insert(CalendarYear)
        .values(**values)
        .on_conflict_do_update(
            index_elements=["year"],
            set_=again,
            where=None if revision is None else col(CalendarYear.revision) == revision,
        )
        .returning(col(CalendarYear.revision))
    )
    written: int | None = (await session.execute(statement)).scalar_one_or_none()
    return written


async def adopt(session: ReadSession, _now: datetime) -> None:
    """Let this process count by what the database knows; a chore of the worker."""
    workdays.adopt(await read(session))


class CalendarKeeper:
    """Lets a gateway worker count by the calendar in force, as soon as it is told of another."""

    def __init__(self, database: Database, changes: ChangeFeed) -> None:
        self._database = database
        self._told = asyncio.Event()
        changes.on(KIND, lambda _year: self._told.set())
        changes.on_reset(self._told.set)

    async def run(self) -> None:
        while True:
            await self.look()
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._told.wait()
            except TimeoutError:
                pass
            self._told.clear()

    async def look(self) -> None:
        """Look once, for ASK_SECONDS at most; a database that is away is asked again later."""
        try:
            async with asyncio.timeout(ASK_SECONDS), self._database.reading() as session:
                workdays.adopt(await read(session))
        except Exception as error:
            if not (isinstance(error, TimeoutError) or is_passing(error)):
                raise
            log.warning("the calendar waits for the database: %r", error)
            await asyncio.sleep(1.0)
            self._told.set()
