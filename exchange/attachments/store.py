"""SQL of attachments."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlmodel import col, delete, exists, select, tuple_, update

from exchange.attachments.tables import Attached, Attachment
from kernel.database import ReadSession, WriteSession
from kernel.tables import BlobRow


async def own(
    session: WriteSession, department: str, attachment_ids: Sequence[str]
) -> dict[str, Attachment]:
    """Lock those of a department, so that they are not swept meanwhile."""
    query = select(Attachment).where(
        col(Attachment.id).in_(attachment_ids), Attachment.department == department
    )
    rows = (await session.exec(query.order_by(col(Attachment.id)).with_for_update())).all()
    return {row.id: row for row in rows}


async def detach(session: WriteSession, things: Sequence[tuple[str, str]]) -> None:
    named = tuple_(col(Attached.thing_kind), col(Attached.thing_id)).in_(things)
    await session.execute(delete(Attached).where(named))


async def of(
    session: ReadSession, kind: str, thing_ids: Collection[str]
) -> dict[str, list[Attachment]]:
    """Return the attachments of things of one kind, in the order that was given."""
    query = (
        select(Attached.thing_id, Attachment)
        .join(Attachment, col(Attachment.id) == col(Attached.attachment_id))
        .where(Attached.thing_kind == kind, col(Attached.thing_id).in_(thing_ids))
        .order_by(col(Attached.thing_id), col(Attached.nth))
    )
    found: dict[str, list[Attachment]] = {}
    for thing_id, row in (await session.exec(query)).all():
        found.setdefault(thing_id, []).append(row)
    return found


async def uses(session: ReadSession, attachment_id: str, most: int) -> Sequence[Attached]:
    """Return what it is attached to, the newest first."""
    query = select(Attached).where(Attached.attachment_id == attachment_id)
    return (await session.exec(query.order_by(col(Attached.thing_id).desc()).limit(most))).all()


async def sweep(session: WriteSession, before: datetime, limit: int, now: datetime) -> int:
    """Forget attachments of an earlier time that nothing refers to, and let their files end."""
    unused = (
        select(Attachment.id)
        .where(
            col(Attachment.uploaded_at) < before,
            ~exists().where(col(Attached.attachment_id) == col(Attachment.id)),
        )
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = (await session.exec(unused)).all()
    if ids:
        ended = update(BlobRow).where(col(BlobRow.id).in_(ids)).values(expires_at=now)
        await session.execute(ended)
        await session.execute(delete(Attachment).where(col(Attachment.id).in_(ids)))
    return len(ids)
