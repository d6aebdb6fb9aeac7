"""SQL of versions that a restored database had forgotten (ADR 0026)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select, update

from catalog.tables import RecoveredVersion, Resource, ResourceTransition, ResourceVersion
from kernel.database import ReadSession, WriteSession


async def of_resources(
    session: ReadSession, resource_ids: Collection[str]
) -> Sequence[RecoveredVersion]:
    query = select(RecoveredVersion).where(col(RecoveredVersion.resource_id).in_(resource_ids))
    return (await session.exec(query)).all()


async def locked(session: WriteSession, resource_id: str) -> Resource | None:
    return await session.get(Resource, resource_id, with_for_update=True, populate_existing=True)


async def keep(
    session: WriteSession,
    resource_id: str,
    number: int,
    items: Sequence[Mapping[str, Any]] | None,
    reason: str,
    now: datetime,
) -> None:
    """Keep what is known of a forgotten version; known items are never replaced by none."""
    statement = insert(RecoveredVersion).values(
        resource_id=resource_id,
        number=number,
        items=None if items is None else [dict(item) for item in items],
        reason=reason,
        at=now,
    )
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["resource_id", "number"],
            set_={"items": statement.excluded["items"], "reason": statement.excluded.reason},
            where=col(RecoveredVersion.items).is_(None),
        )
    )


async def renumber(
    session: WriteSession, resource: Resource, draft: ResourceVersion, number: int
) -> None:
    """Give an unpublished version another number, its history with it."""
    facts = {name: getattr(draft, name) for name in ResourceVersion.model_fields}
    session.add(ResourceVersion(**{**facts, "number": number}))
    await session.flush()
    await session.exec(
        update(ResourceTransition)
        .where(
            col(ResourceTransition.resource_id) == resource.id,
            col(ResourceTransition.version) == draft.number,
        )
        .values(version=number)
    )
    await session.delete(draft)
    resource.version = number
