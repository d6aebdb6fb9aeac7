"""Names of resources and elements, many at once: what is shown beside their ids."""

from collections.abc import Collection, Mapping

from sqlalchemy import func
from sqlmodel import col, select

from catalog.tables import Element, Resource, ResourceVersion
from kernel.database import ReadSession


async def resources(session: ReadSession, resource_ids: Collection[str]) -> Mapping[str, str]:
    """Return the name in the version that serves or served, of a draft its own."""
    number = func.coalesce(col(Resource.published_version), col(Resource.version))
    query = (
        select(ResourceVersion.resource_id, ResourceVersion.name)
        .join(Resource, col(Resource.id) == col(ResourceVersion.resource_id))
        .where(col(Resource.id).in_(resource_ids), col(ResourceVersion.number) == number)
    )
    return dict((await session.exec(query)).all())


async def elements(session: ReadSession, codes: Collection[str]) -> Mapping[str, str]:
    query = select(Element.code, Element.name).where(col(Element.code).in_(codes))
    return dict((await session.exec(query)).all())


async def is_published(session: ReadSession, resource_id: str, department: str) -> bool:
    """Whether it is a resource of the department that is in force."""
    query = select(Resource.id).where(
        Resource.id == resource_id,
        Resource.department == department,
        col(Resource.published_version).is_not(None),
        col(Resource.status) != "retired",
    )
    return (await session.exec(query)).first() is not None


async def parties(session: ReadSession, resource_id: str) -> Mapping[str, str]:
    """Return whose resource it is and for which division: who is told of it."""
    query = select(Resource.department, Resource.region_code).where(Resource.id == resource_id)
    department, region_code = (await session.exec(query)).one()
    return {"department": department, "region_code": region_code}
