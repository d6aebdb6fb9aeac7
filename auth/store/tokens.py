"""SQL of revoked access tokens, authorization codes and refresh tokens, and of their end."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, select, update

from auth.tables import AuthorizationCode, DeviceCode, RefreshToken, RevokedToken
from kernel.database import ReadSession, WriteSession


class Issued(NamedTuple):
    """An access token that stands beside a refresh token."""

    jti: str
    expires_at: datetime


async def revoke(session: WriteSession, jti: str, expires_at: datetime) -> bool:
    """Remember that the token ended; False when it had been revoked before."""
    row = insert(RevokedToken).values(jti=jti, expires_at=expires_at).on_conflict_do_nothing()
    return (await session.execute(row.returning(col(RevokedToken.jti)))).first() is not None


async def revoked(session: ReadSession, now: datetime) -> dict[str, float]:
    """Return every revoked token that has not ended by itself, with when it will (epoch)."""
    query = select(RevokedToken).where(col(RevokedToken.expires_at) > now)
    return {row.jti: row.expires_at.timestamp() for row in (await session.exec(query)).all()}


async def is_revoked(session: ReadSession, jti: str) -> bool:
    return await session.get(RevokedToken, jti) is not None


async def add_code(session: WriteSession, code: AuthorizationCode) -> None:
    session.add(code)
    await session.flush()


async def get_code(session: ReadSession, digest: bytes) -> AuthorizationCode | None:
    return await session.get(AuthorizationCode, digest)


async def use_code(session: WriteSession, digest: bytes, now: datetime) -> bool:
    """Mark the code as used; False when somebody did before, who is waited for."""
    used = await session.execute(
        update(AuthorizationCode)
        .where(col(AuthorizationCode.digest) == digest, col(AuthorizationCode.used_at).is_(None))
        .values(used_at=now)
        .returning(col(AuthorizationCode.family))
    )
    return used.first() is not None


async def add_refresh(session: WriteSession, token: RefreshToken) -> None:
    session.add(token)
    await session.flush()


async def get_refresh(session: ReadSession, digest: bytes) -> RefreshToken | None:
    return await session.get(RefreshToken, digest)


async def refreshed(session: ReadSession, token: RefreshToken) -> RefreshToken:
    """Return the row as it is now: others may have rotated it while a lock was waited for."""
    await session.refresh(token)
    return token


async def use_refresh(session: WriteSession, digest: bytes, now: datetime) -> bool:
    """Mark the token as rotated; False when it was used or revoked before."""
    used = await session.execute(
        update(RefreshToken)
        .where(
            col(RefreshToken.digest) == digest,
            col(RefreshToken.used_at).is_(None),
            col(RefreshToken.revoked_at).is_(None),
        )
        .values(used_at=now)
        .returning(col(RefreshToken.family))
    )
    return used.first() is not None


async def end_family(session: WriteSession, family: str, now: datetime) -> Sequence[Issued]:
    """Revoke every refresh token of a family; return the access tokens beside them."""
    return await _end(session, col(RefreshToken.family) == family, now)


async def end_person(
    session: WriteSession, person_id: str, now: datetime, *, except_jti: str
) -> Sequence[Issued]:
    """Revoke the person's families, but for the one that holds the access token `except_jti`."""
    spared = select(RefreshToken.family).where(col(RefreshToken.access_jti) == except_jti)
    for table in (AuthorizationCode, DeviceCode):
        mine = col(table.person_id) == person_id
        await session.execute(delete(table).where(mine, col(table.used_at).is_(None)))
    where = col(RefreshToken.person_id) == person_id
    return await _end(session, where & col(RefreshToken.family).not_in(spared), now)


async def end_session(session: WriteSession, name: str, now: datetime) -> Sequence[Issued]:
    """Revoke what began with one sign-in of a browser, and the codes that it may use still."""
    for table in (AuthorizationCode, DeviceCode):
        mine = col(table.session) == name
        await session.execute(delete(table).where(mine, col(table.used_at).is_(None)))
    return await _end(session, col(RefreshToken.session) == name, now)


async def _end(session: WriteSession, where: object, now: datetime) -> Sequence[Issued]:
    ended = await session.execute(
        update(RefreshToken)
        .where(where, col(RefreshToken.revoked_at).is_(None))  # type: ignore[arg-type]
        .values(revoked_at=now)
        .returning(col(RefreshToken.access_jti), col(RefreshToken.access_expires_at))
        .execution_options(synchronize_session=False)
    )
    return [Issued(jti, expires_at) for jti, expires_at in ended.all()]


async def forget_ended(session: WriteSession, before: datetime) -> None:
    """Delete what ended before `before`: nobody can present it any more."""
    for table in (RevokedToken, AuthorizationCode, RefreshToken, DeviceCode):
        await session.execute(delete(table).where(col(table.expires_at) < before))
