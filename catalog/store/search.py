"""SQL of finding resources: words, filters, facets."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, func
from sqlmodel import and_, col, or_, select

from auth.principal import Principal, significant
from catalog.states import State
from catalog.store.resources import WITHOUT_CONTRACT
from catalog.tables import Resource, ResourceVersion
from catalog.visibility import reviews
from kernel.database import ReadSession
from kernel.paging import Page, PageRequest

Facets = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """`class_code` also finds the classes below it; words of `q` must all occur."""

    q: str | None = None
    department: str | None = None
    class_code: str | None = None
    share_type: str | None = None
    element: str | None = None
    status: State | None = None


async def find(
    session: ReadSession, viewer: Principal, criteria: Criteria, page: PageRequest
) -> Page[tuple[Resource, ResourceVersion]]:
    query = select(Resource, ResourceVersion).join(ResourceVersion, _shown(viewer, criteria))
    query = query.options(WITHOUT_CONTRACT)
    query = page.apply(query.where(*_conditions(criteria)), col(Resource.id))
    rows = [(row[0], row[1]) for row in (await session.exec(query)).all()]
    cut = page.page([resource for resource, _ in rows], "id")
    return Page(rows[: page.limit], cut.next_cursor)


async def facets(session: ReadSession, viewer: Principal, criteria: Criteria) -> Facets:
    """Count what the criteria find, by department, class, share type and status."""
    columns: dict[str, Any] = {
        "department": col(Resource.department),
        "class": col(ResourceVersion.class_code),
        "share_type": col(ResourceVersion.share_type),
        "status": col(ResourceVersion.state),
    }
    found: Facets = {}
    for name, column in columns.items():
        value = column.label("value")
        query = select(value, func.count()).select_from(Resource)
        query = query.join(ResourceVersion, _shown(viewer, criteria))
        counted = query.where(*_conditions(criteria)).group_by(value)
        found[name] = {row[0]: row[1] for row in (await session.exec(counted)).all()}
    return found


def _insider(viewer: Principal) -> ColumnElement[bool]:
    """Repeat catalog.visibility.is_insider in SQL."""
    own = col(Resource.department) == viewer.department
    if not reviews(viewer, viewer.region_code):
        return own
    below = col(Resource.region_code).startswith(significant(viewer.region_code))
    return or_(own, below)


def _shown(viewer: Principal, criteria: Criteria) -> ColumnElement[bool]:
    """Join the version that the viewer sees; who asks for published ones sees those."""
    published = col(Resource.published_version)
    number: Any = case((_insider(viewer), col(Resource.version)), else_=published)
    if criteria.status is State.PUBLISHED:
        number = published
    return and_(
        col(ResourceVersion.resource_id) == col(Resource.id),
        col(ResourceVersion.number) == number,
    )


def _conditions(criteria: Criteria) -> list[ColumnElement[bool]]:
    version = ResourceVersion
    found: list[ColumnElement[bool]] = [
        col(version.search_text).icontains(word, autoescape=True)
        for word in (criteria.q or "").split()
    ]
    if criteria.department is not None:
        found.append(col(Resource.department) == criteria.department)
    if criteria.class_code is not None:
        found.append(col(version.class_code).startswith(criteria.class_code, autoescape=True))
    if criteria.share_type is not None:
        found.append(col(version.share_type) == criteria.share_type)
    if criteria.element is not None:
        found.append(col(version.items).contains([{"element": criteria.element}]))
    if criteria.status is not None:
        found.append(col(version.state) == criteria.status)
    return found
