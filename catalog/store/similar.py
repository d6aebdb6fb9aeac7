"""SQL of what may carry the same data; each question reads a bounded number of rows by an index."""

import json
from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import text, tuple_
from sqlmodel import col, select

from catalog.store.resources import WITHOUT_CONTRACT
from catalog.store.search import WITHOUT_WORDS
from catalog.tables import Resource, ResourceVersion
from kernel.database import ReadSession

# Of elements whose names share a pair of characters with the one asked for, so many are looked
# at, and so many with the most pairs in common returned.
LOOKED_AT: Final = 2_000
PROPOSED: Final = 20
# Of the resources that carry an element so many are counted; of all, those with most elements.
CARRIERS: Final = 500
CANDIDATES: Final = 60

# Both lists hold each pair once, so either may be gone through: the one asked for is at hand, those
# of the elements would be taken apart row by row.
_ELEMENTS: Final = text("""
    SELECT wanted.place, likely.code
    FROM (
        SELECT place - 1 AS place, ARRAY(SELECT jsonb_array_elements_text(grams)) AS grams
        FROM jsonb_array_elements(CAST(:names AS jsonb)) WITH ORDINALITY AS name (grams, place)
    ) AS wanted
    CROSS JOIN LATERAL (
        SELECT code
        FROM (
            SELECT code, name_grams FROM catalog.element
            WHERE name_grams && wanted.grams LIMIT :looked_at
        ) AS near
        ORDER BY (SELECT count(*) FROM unnest(wanted.grams) AS gram
            WHERE gram COLLATE "C" = ANY(name_grams))
            DESC, cardinality(name_grams), code
        LIMIT :proposed
    ) AS likely
""")

_CARRIED: Final = """
    SELECT wanted.code, found.id, found.number
    FROM unnest(CAST(:elements AS text[])) AS wanted (code)
    CROSS JOIN LATERAL (
        SELECT v.resource_id AS id, v.number
        FROM catalog.resource_version v
        JOIN catalog.resource r ON r.id = v.resource_id
        WHERE v.items @> jsonb_build_array(jsonb_build_object('element', wanted.code))
            AND v.state = 'published' AND r.department <> :department {regions}
        LIMIT :carriers
    ) AS found
"""
_IN_REGIONS: Final = "AND r.region_code = ANY(CAST(:regions AS text[]))"
_OWN: Final = """
    SELECT item ->> 'element', r.id, v.number
    FROM catalog.resource r
    JOIN catalog.resource_version v ON v.resource_id = r.id AND v.number = r.version
    CROSS JOIN LATERAL jsonb_array_elements(v.items) AS item
    WHERE r.department = :department AND r.status NOT IN ('discarded', 'retired')
        AND item ->> 'element' = ANY(CAST(:elements AS text[]))
"""
_NAMED: Final = """
    SELECT '', v.resource_id, v.number FROM (
        SELECT resource_id, number FROM catalog.resource_version
        WHERE search_grams @> CAST(:grams AS text[]) AND state = 'published' LIMIT :candidates
    ) AS v
"""
_MOST: Final = """
    SELECT id, number FROM ({sources}) AS carried (code, id, number)
    WHERE id <> :resource_id
    GROUP BY id, number ORDER BY count(DISTINCT code) DESC, id LIMIT :candidates
"""


class Carrier(NamedTuple):
    """A resource in the version that carries elements."""

    resource: Resource
    version: ResourceVersion


async def elements(session: ReadSession, names: Sequence[Collection[str]]) -> list[tuple[int, str]]:
    """Return (place, element) of elements with pairs of characters that a name has, by its place.

    Of each name the PROPOSED ones with the most of them.
    """
    if not any(names):
        return []
    asked = json.dumps([sorted(grams) for grams in names], ensure_ascii=False)
    bounds = {"looked_at": LOOKED_AT, "proposed": PROPOSED}
    rows = await session.execute(_ELEMENTS.bindparams(names=asked, **bounds))
    return [(place, code) for place, code in rows]


async def published_by_others(
    session: ReadSession,
    codes: Collection[str],
    department: str,
    regions: Collection[str],
    resource_id: str,
) -> list[Carrier]:
    """Return what others publish in these regions with the elements, those with most first."""
    carried = _CARRIED.format(regions=_IN_REGIONS)
    facts = {"department": department, "regions": list(regions)}
    return await _most(session, carried, codes, resource_id, **facts)


async def carriers(
    session: ReadSession,
    codes: Collection[str],
    department: str,
    grams: Sequence[str],
    resource_id: str,
) -> list[Carrier]:
    """Return published resources, and those of the department, with the elements or the name."""
    sources = f"{_CARRIED.format(regions='')} UNION ALL {_OWN}"
    facts: dict[str, Any] = {"department": department}
    if grams:
        sources += f" UNION ALL {_NAMED}"
        facts["grams"] = list(grams)
    return await _most(session, sources, codes, resource_id, **facts)


async def _most(
    session: ReadSession,
    sources: str,
    codes: Collection[str],
    resource_id: str,
    **facts: Any,  # noqa: ANN401 - parameters of the statement
) -> list[Carrier]:
    query = text(_MOST.format(sources=sources)).bindparams(
        elements=sorted(codes),
        carriers=CARRIERS,
        candidates=CANDIDATES,
        resource_id=resource_id,
        **facts,
    )
    found = [(id_, number) for id_, number in await session.execute(query)]
    if not found:
        return []
    key = tuple_(col(ResourceVersion.resource_id), col(ResourceVersion.number))
    rows = await session.exec(
        select(Resource, ResourceVersion)
        .join(ResourceVersion, col(ResourceVersion.resource_id) == col(Resource.id))
        .where(key.in_(found))
        .options(WITHOUT_CONTRACT, *WITHOUT_WORDS)
    )
    return [Carrier(*row) for row in rows]
