"""SQL of the elements that published entries are bound to as their source."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import column, func, or_
from sqlalchemy.types import Text
from sqlmodel import col, select

from catalog.entries import ItemRole
from catalog.states import State
from catalog.tables import Resource, ResourceVersion
from kernel.database import ReadSession

Binding = tuple[str, str, str]


class Held(NamedTuple):
    """A published resource that is of the source, with what decides whether it may be."""

    resource_id: str
    department: str
    region_code: str


async def published_with(session: ReadSession, element: str) -> list[Held]:
    """Return the resources whose version in force has the element as of the source."""
    bound = [{"element": element, "role": str(ItemRole.SOURCE)}]
    query = (
        select(Resource.id, Resource.department, Resource.region_code)
        .join(ResourceVersion, col(ResourceVersion.resource_id) == col(Resource.id))
        .where(
            col(ResourceVersion.state) == State.PUBLISHED,
            col(ResourceVersion.items).contains(bound),
        )
        .order_by(col(Resource.id))
    )
    return [Held(*row) for row in (await session.exec(query)).all()]


async def claimed_by(session: ReadSession, resource_ids: Collection[str]) -> set[str]:
    """Return the elements that the versions in force of these resources are the source of."""
    query = select(ResourceVersion.items).where(
        col(ResourceVersion.resource_id).in_(resource_ids),
        col(ResourceVersion.state) == State.PUBLISHED,
    )
    source = str(ItemRole.SOURCE)
    rows = (await session.exec(query)).all()
    return {item["element"] for items in rows for item in items if item.get("role") == source}


async def published_by(session: ReadSession, wanted: Mapping[str, str]) -> Sequence[Binding]:
    """Return (resource, department, element) of what these departments publish as the source.

    `wanted` are departments by element. In the order of ids: the oldest resource comes first.
    """
    if not wanted:
        return ()
    query = _bound(wanted).where(col(Resource.department).in_(set(wanted.values())))
    rows = (await session.exec(query)).all()
    return [(row[0], row[1], row[2]) for row in rows]


def _bound(elements: Collection[str]) -> Any:  # noqa: ANN401 - SQLAlchemy's own type
    """Select resource, department and element of versions in force with one of the elements."""
    item = (
        func.jsonb_to_recordset(col(ResourceVersion.items))
        .table_valued(column("element", Text), column("role", Text))
        .render_derived(with_types=True)
    )
    source = str(ItemRole.SOURCE)
    held = [
        col(ResourceVersion.items).contains([{"element": element, "role": source}])
        for element in sorted(elements)
    ]
    return (
        select(Resource.id, Resource.department, item.c.element)
        .join(ResourceVersion, col(ResourceVersion.resource_id) == col(Resource.id))
        .join(item, item.c.role == source)
        .where(
            col(ResourceVersion.state) == State.PUBLISHED,
            or_(*held),
            item.c.element.in_(elements),
        )
        .distinct()
        .order_by(col(Resource.id))
    )
