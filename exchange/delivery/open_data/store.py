"""SQL of the files of open entries."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import text
from sqlmodel import col, delete, select, update

from exchange.delivery.open_data.tables import OpenFile
from kernel.database import ReadSession, WriteSession
from kernel.tables import BlobRow

KEPT: Final = timedelta(days=30)
"""A file that nobody has asked for in so long is forgotten."""
REPLACED: Final = timedelta(hours=1)
"""So long a download that began with the file before goes on."""
FORGOTTEN_AT_ONCE: Final = 200
HOLD = text("""
    INSERT INTO exchange.open_file (resource_id, format, asked_at) VALUES (:id, :format, :now)
    ON CONFLICT (resource_id, format) DO UPDATE SET asked_at = excluded.asked_at
""")


async def find(session: ReadSession, resource_id: str, wanted: str) -> OpenFile | None:
    return await session.get(OpenFile, (resource_id, wanted), populate_existing=True)


async def hold(session: WriteSession, resource_id: str, wanted: str, now: datetime) -> OpenFile:
    """Return the row, made if there is none, held until the transaction ends."""
    await session.execute(HOLD.bindparams(id=resource_id, format=wanted, now=now))
    query = select(OpenFile).where(OpenFile.resource_id == resource_id, OpenFile.format == wanted)
    return (await session.exec(query.execution_options(populate_existing=True))).one()


async def made(
    session: WriteSession,
    file: OpenFile,
    now: datetime,
    **facts: Any,  # noqa: ANN401 - columns
) -> None:
    """Put a new file in the place of the one before."""
    await _let_go(session, file.blob_id, now + REPLACED)
    here = update(OpenFile).where(
        col(OpenFile.resource_id) == file.resource_id, col(OpenFile.format) == file.format
    )
    await session.exec(here.values(**facts))


async def forget_unasked(session: WriteSession, now: datetime) -> None:
    """Forget files that nobody asks for."""
    query = select(OpenFile).where(col(OpenFile.asked_at) < now - KEPT).limit(FORGOTTEN_AT_ONCE)
    for file in (await session.exec(query.with_for_update(skip_locked=True))).all():
        await _let_go(session, file.blob_id, now)
        await session.exec(
            delete(OpenFile).where(
                col(OpenFile.resource_id) == file.resource_id,
                col(OpenFile.format) == file.format,
            )
        )


async def _let_go(session: WriteSession, blob_id: str | None, at: datetime) -> None:
    if blob_id is not None:
        old = update(BlobRow).where(col(BlobRow.id) == blob_id)
        await session.exec(old.values(expires_at=at))
