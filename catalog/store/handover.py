"""SQL of entries and sources that go to another department or division."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import and_, col, func, or_, select, update

from catalog.states import State
from catalog.store.resources import set_scopes
from catalog.tables import Resource, ResourceTransition, ResourceVersion, Source
from kernel.actor import Actor
from kernel.database import ReadSession, WriteSession

HANDED_OVER = "hand-over"


async def resource_ids(session: ReadSession, department: str) -> list[str]:
    """Return the department's entries, retired ones too."""
    query = select(Resource.id).where(col(Resource.department) == department)
    return list((await session.exec(query.order_by(col(Resource.id)))).all())


async def in_use(session: ReadSession, department: str) -> int:
    """Return how many entries are published or in review: a first draft is nobody else's."""
    query = select(func.count()).where(
        col(Resource.department) == department,
        or_(
            col(Resource.status).in_((State.SUBMITTED, State.APPROVED, State.PUBLISHED)),
            and_(col(Resource.status) == State.DRAFT, col(Resource.published_version).is_not(None)),
        ),
    )
    return (await session.exec(query)).one()


async def lock_resources(session: WriteSession, department: str) -> Sequence[Resource]:
    """Return the department's entries, and let nobody move them until the end."""
    query = select(Resource).where(col(Resource.department) == department)
    locked = query.order_by(col(Resource.id)).with_for_update()
    return (await session.exec(locked.execution_options(populate_existing=True))).all()


async def give_resource(
    session: WriteSession,
    actor: Actor,
    resource: Resource,
    after: Mapping[str, str],
    *,
    now: datetime,
) -> None:
    """Write department and division; the history says who held the entry before.

    The versions that readers are shown say the division, too; older ones say what they said.
    """
    session.add(
        ResourceTransition(
            resource_id=resource.id,
            version=resource.version,
            action=HANDED_OVER,
            from_state=resource.status,
            to_state=resource.status,
            actor_id=actor.id,
            department=resource.department,
            at=now,
            note=dict(after),
        )
    )
    values = {**after, "revision": resource.revision + 1, "updated_at": now}
    await session.exec(update(Resource).where(col(Resource.id) == resource.id).values(**values))
    await session.refresh(resource)
    await session.exec(
        update(ResourceVersion)
        .where(
            col(ResourceVersion.resource_id) == resource.id,
            col(ResourceVersion.number).in_((resource.version, resource.published_version)),
        )
        .values(region_code=resource.region_code)
    )
    await set_scopes(session, resource)


async def give_source(session: WriteSession, source: Source, after: Mapping[str, str]) -> None:
    """Write department and division of a source or a claim."""
    await session.exec(update(Source).where(col(Source.id) == source.id).values(**after))
    await session.refresh(source)
