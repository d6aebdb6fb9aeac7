"""SQL of the codes of devices without a browser."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select, update

from auth.tables import DeviceCode
from kernel.database import ReadSession, WriteSession


async def add(session: WriteSession, code: DeviceCode) -> bool:
    """Insert the row; False when its user code is taken."""
    query = insert(DeviceCode).values(**code.model_dump()).on_conflict_do_nothing()
    return (await session.execute(query.returning(col(DeviceCode.digest)))).first() is not None


async def count_open(session: ReadSession, now: datetime, network: str | None = None) -> int:
    """Return how many have not ended, of one network or of all."""
    query = select(func.count()).where(col(DeviceCode.expires_at) > now)
    if network is not None:
        query = query.where(col(DeviceCode.network) == network)
    return (await session.exec(query)).one()


async def get(session: ReadSession, digest: bytes) -> DeviceCode | None:
    """Return the row as it is now."""
    return await session.get(DeviceCode, digest, populate_existing=True)


async def lock(session: WriteSession, digest: bytes) -> DeviceCode | None:
    return await session.get(DeviceCode, digest, populate_existing=True, with_for_update=True)


async def named(session: ReadSession, user_digest: bytes, now: datetime) -> DeviceCode | None:
    """Return the code that still waits for a decision."""
    query = select(DeviceCode).where(
        col(DeviceCode.user_digest) == user_digest,
        col(DeviceCode.status) == "pending",
        col(DeviceCode.expires_at) > now,
    )
    return (await session.exec(query)).first()


async def move(
    session: WriteSession, digest: bytes, origin: str, to: str, facts: Mapping[str, Any]
) -> bool:
    """Change the state; False when somebody did before, who is waited for."""
    moved = await session.execute(
        update(DeviceCode)
        .where(col(DeviceCode.digest) == digest, col(DeviceCode.status) == origin)
        .values(status=to, **facts)
        .returning(col(DeviceCode.digest))
        .execution_options(synchronize_session=False)
    )
    return moved.first() is not None


async def note_poll(
    session: WriteSession, digest: bytes, now: datetime, interval_seconds: int
) -> None:
    await session.execute(
        update(DeviceCode)
        .where(col(DeviceCode.digest) == digest)
        .values(polled_at=now, interval_seconds=interval_seconds)
        .execution_options(synchronize_session=False)
    )
