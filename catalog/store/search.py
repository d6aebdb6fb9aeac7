"""SQL of finding resources: words, filters, facets."""

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy
from sqlalchemy import ColumnElement, case, func, tuple_
from sqlalchemy.orm import aliased, defer
from sqlmodel import and_, col, or_, select

from auth.principal import Principal
from auth.regions.within import within
from catalog.rules.words import fold, narrowest, words
from catalog.states import State
from catalog.store.resources import WITHOUT_CONTRACT
from catalog.tables import Resource, ResourceVersion
from catalog.visibility import reviews
from kernel.database import ReadSession
from kernel.paging import Page, PageRequest

# So many of the resources found are counted: a question must not read the whole catalogue.
COUNTED_MAX: Final = 10_000
# A pair of characters is found by the index alone; longer words are looked for in the text, too.
PAIR: Final = 2
WITHOUT_WORDS: Final = (
    defer(ResourceVersion.search_text),  # type: ignore[arg-type]
    defer(ResourceVersion.search_grams),  # type: ignore[arg-type]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """`class_code` and `region_code` also find what lies below; all words of `q` must occur.

    What was discarded is found only by its status.
    """

    q: str | None = None
    department: str | None = None
    region_code: str | None = None
    class_code: str | None = None
    share_type: str | None = None
    element: str | None = None
    status: State | None = None


@dataclass(frozen=True, slots=True)
class Facets:
    """How many resources of each value were found; not `complete` where more were found."""

    counts: dict[str, dict[str, int]]
    complete: bool


async def find(
    session: ReadSession, viewer: Principal, criteria: Criteria, page: PageRequest
) -> Page[tuple[Resource, ResourceVersion]]:
    query = statement(viewer, criteria, page)
    rows = [(row[0], row[1]) for row in (await session.exec(query)).all()]
    cut = page.page([resource for resource, _ in rows], "id")
    return Page(rows[: page.limit], cut.next_cursor)


def statement(viewer: Principal, criteria: Criteria, page: PageRequest) -> Any:  # noqa: ANN401 - SQLAlchemy's own
    """Return the query of one page."""
    query = select(Resource, ResourceVersion).join(ResourceVersion, _shown(viewer, criteria))
    query = query.options(WITHOUT_CONTRACT, *WITHOUT_WORDS)
    return page.apply(query.where(*_conditions(criteria)), col(Resource.id))


async def facets(session: ReadSession, viewer: Principal, criteria: Criteria) -> Facets:
    """Count what the criteria find, by department, class, share type and status, in one query."""
    version = ResourceVersion
    valued: list[Any] = [
        col(Resource.department).label("department"),
        col(version.class_code).label("class"),
        col(version.share_type).label("share_type"),
        col(version.state).label("status"),
    ]
    matched = (
        sqlalchemy.select(*valued)
        .select_from(Resource)
        .join(version, _shown(viewer, criteria))
        .where(*_conditions(criteria))
        .limit(COUNTED_MAX + 1)
        .subquery()
    )
    columns: list[Any] = list(matched.c)
    sets = func.grouping_sets(*(tuple_(column) for column in columns))
    rows = (await session.execute(sqlalchemy.select(*columns, func.count()).group_by(sets))).all()
    counts: dict[str, dict[str, int]] = {column.name: {} for column in columns}
    for *values, count in rows:
        # No value is null: the one column that is not is the one that the row counts.
        place = next(place for place, value in enumerate(values) if value is not None)
        counts[columns[place].name][values[place]] = count
    return Facets(counts, sum(counts["status"].values()) <= COUNTED_MAX)


def _insider(viewer: Principal) -> ColumnElement[bool]:
    """Repeat catalog.visibility.is_insider in SQL."""
    own = col(Resource.department) == viewer.department
    if not reviews(viewer, viewer.region_code):
        return own
    return or_(own, _within(viewer.region_code))


def _within(region_code: str) -> ColumnElement[bool]:
    return within(col(Resource.region_code), region_code)


def _shown(viewer: Principal, criteria: Criteria) -> ColumnElement[bool]:
    """Join the version that the viewer sees; who asks for published ones sees those.

    Who asks for superseded ones sees the newest of each resource: such were once published.
    """
    number: Any = case((_insider(viewer), col(Resource.version)), else_=Resource.published_version)
    if criteria.status is State.PUBLISHED:
        number = col(Resource.published_version)
    if criteria.status is State.SUPERSEDED:
        number = _newest_superseded()
    return and_(
        col(ResourceVersion.resource_id) == col(Resource.id),
        col(ResourceVersion.number) == number,
    )


def _newest_superseded() -> Any:  # noqa: ANN401 - SQLAlchemy's own
    earlier = aliased(ResourceVersion)
    return (
        select(func.max(earlier.number))
        .where(
            earlier.resource_id == Resource.id,
            earlier.state == State.SUPERSEDED,
            col(earlier.published_at).is_not(None),
        )
        .correlate(Resource)
        .scalar_subquery()
    )


def _conditions(criteria: Criteria) -> list[ColumnElement[bool]]:
    version = ResourceVersion
    found: list[ColumnElement[bool]] = []
    for word in words(fold(criteria.q or "")):
        found.append(col(version.search_grams).contains(narrowest(word)))
        if len(word) > PAIR:
            found.append(col(version.search_text).contains(word, autoescape=True))
    if criteria.department is not None:
        found.append(col(Resource.department) == criteria.department)
    if criteria.region_code is not None:
        found.append(_within(criteria.region_code))
    if criteria.class_code is not None:
        found.append(col(version.class_code).startswith(criteria.class_code, autoescape=True))
    if criteria.share_type is not None:
        found.append(col(version.share_type) == criteria.share_type)
    if criteria.element is not None:
        found.append(col(version.items).contains([{"element": criteria.element}]))
    if criteria.status is not None:
        found.append(col(version.state) == criteria.status)
    else:
        found.append(col(version.state) != State.DISCARDED)
    return found
