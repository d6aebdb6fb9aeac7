"""SQL of providers' files and their parts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlmodel import col, delete, func, select, update

from exchange.delivery.files.states import State
from exchange.delivery.files.tables import FilePart, ProvidedFile
from kernel.database import ReadSession, WriteSession
from kernel.paging import Page, PageRequest
from kernel.tables import BlobRow

FORGOTTEN_AT_ONCE: Final = 50


async def find(session: ReadSession, resource_id: str, file_id: str) -> ProvidedFile | None:
    row = await session.get(ProvidedFile, file_id, populate_existing=True)
    return row if row is not None and row.resource_id == resource_id else None


async def page(
    session: ReadSession,
    resource_id: str,
    request: PageRequest,
    *,
    state: State | None = None,
    since: datetime | None = None,
    versions: Sequence[int] | None = None,
) -> Page[ProvidedFile]:
    """Return files, of some versions of the entry, in the order in which they were begun."""
    query = select(ProvidedFile).where(ProvidedFile.resource_id == resource_id)
    if state is not None:
        query = query.where(col(ProvidedFile.status) == state)
    if versions is not None:
        query = query.where(col(ProvidedFile.version).in_(versions))
    if since is not None:
        query = query.where(col(ProvidedFile.ready_at) >= since)
    rows = (await session.exec(request.apply(query, ProvidedFile.id))).all()
    return request.page(rows, "id")


async def count_open(session: ReadSession, resource_id: str) -> int:
    query = select(func.count()).where(
        col(ProvidedFile.resource_id) == resource_id, col(ProvidedFile.status) == State.OPEN
    )
    return (await session.exec(query)).one()


async def parts(session: ReadSession, file_id: str) -> Sequence[tuple[int, BlobRow]]:
    """Return the parts of a file in their order, each with where it begins."""
    query = (
        select(FilePart.start, BlobRow)
        .join(BlobRow, col(BlobRow.id) == col(FilePart.blob_id))
        .where(col(FilePart.file_id) == file_id)
        .order_by(col(FilePart.start))
    )
    return list((await session.exec(query)).all())


async def count_parts(session: ReadSession, file_id: str) -> int:
    query = select(func.count()).where(col(FilePart.file_id) == file_id)
    return (await session.exec(query)).one()


async def advance(
    session: WriteSession, file: ProvidedFile, part: FilePart, size: int, expires_at: datetime
) -> bool:
    """Add a part where the upload stands; False where it stands elsewhere by now."""
    onward = (
        update(ProvidedFile)
        .where(
            col(ProvidedFile.id) == file.id,
            col(ProvidedFile.status) == State.OPEN,
            col(ProvidedFile.received) == part.start,
        )
        .values(received=part.start + size, expires_at=expires_at)
    )
    if (await session.exec(onward)).rowcount != 1:
        return False
    session.add(part)
    return True


async def move(
    session: WriteSession,
    file_id: str,
    source: State,
    target: State,
    **facts: Any,  # noqa: ANN401 - columns
) -> bool:
    """Move a file from one state to another; False where it is in another one."""
    moving = update(ProvidedFile).where(
        col(ProvidedFile.id) == file_id, col(ProvidedFile.status) == source
    )
    return (await session.exec(moving.values(status=target, **facts))).rowcount == 1


async def drop_parts(session: WriteSession, file_id: str, now: datetime) -> None:
    """Forget the parts of a file, and let their bytes go."""
    of_file = select(FilePart.blob_id).where(col(FilePart.file_id) == file_id)
    await session.exec(update(BlobRow).where(col(BlobRow.id).in_(of_file)).values(expires_at=now))
    await session.exec(delete(FilePart).where(col(FilePart.file_id) == file_id))


async def remove(session: WriteSession, file: ProvidedFile, now: datetime) -> None:
    """Forget a file with all of its bytes."""
    await drop_parts(session, file.id, now)
    if file.blob_id is not None:
        done = update(BlobRow).where(col(BlobRow.id) == file.blob_id)
        await session.exec(done.values(expires_at=now))
    await session.exec(delete(ProvidedFile).where(col(ProvidedFile.id) == file.id))


async def forget_expired(session: WriteSession, now: datetime) -> int:
    """Give uploads up that nobody goes on with, and those that were refused; returns how many."""
    query = (
        select(ProvidedFile)
        .where(
            col(ProvidedFile.expires_at) < now,
            col(ProvidedFile.status).in_((State.OPEN, State.REFUSED)),
        )
        .limit(FORGOTTEN_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    files = (await session.exec(query)).all()
    for file in files:
        await remove(session, file, now)
    return len(files)
