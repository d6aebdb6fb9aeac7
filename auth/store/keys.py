"""SQL of signing keys."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func
from sqlmodel import col, or_, select, update

from auth.tables import SigningKey
from kernel import locks
from kernel.database import ReadSession, WriteSession


async def lock(session: WriteSession) -> None:
    """Let one transaction at a time decide which keys exist."""
    await locks.hold(session, locks.Lock.SIGNING_KEYS)


async def now(session: ReadSession) -> datetime:
    """Return the time of the database."""
    found: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    return found


async def is_current(session: ReadSession, kid: str) -> bool:
    """Whether the key exists and has not retired, by the database's time."""
    retires_at = col(SigningKey.retires_at)
    query = select(SigningKey.kid).where(
        col(SigningKey.kid) == kid, or_(retires_at.is_(None), retires_at > func.clock_timestamp())
    )
    return (await session.exec(query)).first() is not None


async def current(session: ReadSession, now: datetime) -> Sequence[SigningKey]:
    """Return the keys that may still verify, the newest first."""
    query = select(SigningKey).where(
        or_(col(SigningKey.retires_at).is_(None), col(SigningKey.retires_at) > now)
    )
    return (await session.exec(query.order_by(col(SigningKey.created_at).desc()))).all()


async def retire(session: WriteSession, kids: Sequence[str], retires_at: datetime) -> None:
    unretired = col(SigningKey.retires_at)
    await session.execute(
        update(SigningKey)
        .where(col(SigningKey.kid).in_(kids), or_(unretired.is_(None), unretired > retires_at))
        .values(retires_at=retires_at)
    )


async def add(session: WriteSession, key: SigningKey) -> None:
    session.add(key)
    await session.flush()
