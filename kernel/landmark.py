"""How far the database has come: a number that only grows, kept in the log as well (P12).

A database whose number lies behind the one in the log was restored to an earlier moment.
"""

from dataclasses import dataclass

from sqlalchemy import text
from sqlmodel import select

from kernel.database import ReadSession, WriteSession
from kernel.generation import current as generation_of
from kernel.tables import LandmarkRow


@dataclass(frozen=True, slots=True, order=True)
class Landmark:
    """Compared by generation, then by number: a declared restore is ahead of all before it."""

    generation: int
    number: int


async def current(session: ReadSession) -> Landmark:
    row = (await session.exec(select(LandmarkRow))).one()
    return Landmark((await generation_of(session)).number, row.number)


async def platform(session: ReadSession) -> str:
    """Return what tells this platform's database, and each copy of it, from any other."""
    return (await session.exec(select(LandmarkRow))).one().platform.hex


async def advance(session: WriteSession) -> Landmark:
    """Take the next number; to be written to the log once it is committed."""
    await session.execute(text("UPDATE kernel.landmark SET number = number + 1"))
    return await current(session)
