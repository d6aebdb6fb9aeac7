"""SQL of derivations between entries: of each entry the newest version and the one in force."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import func, or_, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlmodel import cast, col, select

from catalog.store.resources import WITHOUT_CONTRACT
from catalog.tables import Resource, ResourceVersion
from kernel.database import ReadSession

# A resource has at most this many derived ones that are read at once.
DERIVED_MAX: Final = 500

_ANCESTORS: Final = text("""
    WITH RECURSIVE above (start, id) AS (
        SELECT unnest(CAST(:starts AS text[])), unnest(CAST(:starts AS text[]))
        UNION
        SELECT above.start, derived.id
        FROM above
        JOIN catalog.resource r ON r.id = above.id
        JOIN catalog.resource_version v
            ON v.resource_id = r.id AND v.number IN (r.version, r.published_version)
        CROSS JOIN LATERAL jsonb_array_elements_text(v.derived_from) AS derived (id)
    )
    SELECT start, id FROM above
""")


async def published(session: ReadSession, resource_ids: Collection[str]) -> set[str]:
    """Return those of the resources that are, or once were, published."""
    query = select(Resource.id).where(
        col(Resource.id).in_(resource_ids), col(Resource.published_version).is_not(None)
    )
    return set((await session.exec(query)).all())


async def ancestors(session: ReadSession, starts: Sequence[str]) -> set[tuple[str, str]]:
    """Return pairs of a start and what it is derived from, itself and drafts included."""
    rows = await session.execute(_ANCESTORS.bindparams(starts=list(dict.fromkeys(starts))))
    return {(start, id_) for start, id_ in rows}


async def several(
    session: ReadSession, resource_ids: Collection[str]
) -> Sequence[tuple[Resource, ResourceVersion]]:
    """Return resources, each with its newest version and the one in force."""
    query = (
        select(Resource, ResourceVersion)
        .join(ResourceVersion, col(ResourceVersion.resource_id) == col(Resource.id))
        .where(col(Resource.id).in_(resource_ids), _standing())
        .options(WITHOUT_CONTRACT)
    )
    return (await session.exec(query)).all()


async def derived(
    session: ReadSession, resource_ids: Collection[str]
) -> Sequence[tuple[Resource, ResourceVersion]]:
    """Return what names one of the resources as its origin, DERIVED_MAX versions at most."""
    names = cast(list(resource_ids), ARRAY(TEXT))
    query = (
        select(Resource, ResourceVersion)
        .join(ResourceVersion, col(ResourceVersion.resource_id) == col(Resource.id))
        .where(col(ResourceVersion.derived_from).op("?|")(names), _standing())
        .order_by(col(Resource.id), col(ResourceVersion.number))
        .limit(DERIVED_MAX)
        .options(WITHOUT_CONTRACT)
    )
    return (await session.exec(query)).all()


def _standing() -> Any:  # noqa: ANN401 - SQLAlchemy's own types
    number = col(ResourceVersion.number)
    return or_(number == Resource.version, number == func.coalesce(Resource.published_version, 0))


_OWNERS: Final = text("""
    SELECT DISTINCT origin.department
    FROM catalog.resource r
    JOIN catalog.resource_version v ON v.resource_id = r.id AND v.number = r.published_version
    CROSS JOIN LATERAL jsonb_array_elements_text(v.derived_from) AS named (id)
    JOIN catalog.resource origin ON origin.id = named.id
    WHERE r.id = :resource_id
""")


async def owners(session: ReadSession, resource_id: str) -> set[str]:
    """Return the departments of the origins that the version in force names."""
    rows = await session.execute(_OWNERS.bindparams(resource_id=resource_id))
    return set(rows.scalars())
