"""Update cycles of what is published, some resources at a time."""

from sqlmodel import col, select

from catalog.states import State
from catalog.tables import ResourceVersion
from kernel.database import ReadSession


async def published(session: ReadSession, after: str, most: int) -> list[tuple[str, str]]:
    """Return (resource, cycle) of versions in force, in the order of ids behind `after`."""
    query = (
        select(ResourceVersion.resource_id, ResourceVersion.update_cycle)
        .where(ResourceVersion.state == State.PUBLISHED, col(ResourceVersion.resource_id) > after)
        .order_by(col(ResourceVersion.resource_id))
        .limit(most)
    )
    return [(id_, cycle) for id_, cycle in (await session.exec(query)).all()]
