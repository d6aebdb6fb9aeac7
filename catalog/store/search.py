"""SQL of finding resources: words, filters, facets."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy
from sqlalchemy import ARRAY, ColumnElement, Text, case, cast, func, literal, null
from sqlalchemy.orm import aliased, defer
from sqlmodel import and_, col, or_, select

from auth.principal import Principal
from auth.regions.codes import REGION, STATE
from auth.regions.tree import covers
from auth.regions.within import within
from catalog.rules.scopes import below_class, below_region, of_department
from catalog.rules.words import fold, narrowest, words
from catalog.states import State
from catalog.store.resources import WITHOUT_CONTRACT
from catalog.tables import Resource, ResourceVersion
from catalog.visibility import reviews
from kernel.database import ReadSession
from kernel.paging import Page, PageRequest

# So many of the resources found are counted: a question must not read the whole catalogue.
COUNTED_MAX: Final = 2_000
COUNTED: Final = ("department", "class", "share_type", "status")
# Rows of the answer that are no counts of a value.
IDS, TOTAL = "ids", "total"
# Ways that PostgreSQL is kept from. It takes the arrays of words to be cheaper to read than they
# are: what is counted is found by indexes and row by row, so that it ends when enough is counted;
# what is many is read in the order of the page. To start helpers takes longer than any of it. A
# plan that is kept for any division would be that of the ways at its time.
ROW_BY_ROW, IN_ORDER = "seqscan hashjoin mergejoin", "seqscan hashjoin bitmapscan sort"
_WAYS: Final = sqlalchemy.text("""
    SELECT set_config('enable_' || way, :value, true) FROM string_to_table(:ways, ' ') way
    UNION ALL SELECT set_config('max_parallel_workers_per_gather', '0', true)
    UNION ALL SELECT set_config('plan_cache_mode', 'force_custom_plan', true)
""")
# A pair of characters is found by the index alone; longer words are looked for in the text, too.
# Who reads row by row looks in the text only: an array of words is 50 times as dear to compare.
PAIR: Final = 2
WITHOUT_WORDS: Final = (
    defer(ResourceVersion.search_text),  # type: ignore[arg-type]
    defer(ResourceVersion.search_grams),  # type: ignore[arg-type]
    defer(ResourceVersion.search_scopes),  # type: ignore[arg-type]
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
) -> tuple[Page[tuple[Resource, ResourceVersion]], Facets]:
    """Return a page and how many there are of each value, from the page's beginning on.

    What is few is found by its indexes and put in order here. What is many is met soon enough
    where the resources are read in their order.
    """
    facets, first = await _counted(session, viewer, criteria, page)
    if facets.complete:
        rows = await _versions(session, viewer, criteria, first)
    else:
        async with _planned(session, IN_ORDER):
            found = await session.exec(statement(viewer, criteria, page))
            rows = [(resource, version) for resource, version in found]
    cut = page.page([resource for resource, _ in rows], "id")
    return Page(rows[: page.limit], cut.next_cursor), facets


def statement(viewer: Principal, criteria: Criteria, page: PageRequest) -> Any:  # noqa: ANN401 - SQLAlchemy's own
    """Return the query of one page."""
    query = _pairs(viewer, criteria)
    conditions = [*_in_text(criteria), *_conditions(criteria)]
    return page.apply(query.where(*conditions), col(Resource.id))


def _pairs(viewer: Principal, criteria: Criteria) -> Any:  # noqa: ANN401 - SQLAlchemy's own
    query = select(Resource, ResourceVersion).join(ResourceVersion, _shown(viewer, criteria))
    return query.options(WITHOUT_CONTRACT, *WITHOUT_WORDS)


def matching(viewer: Principal, criteria: Criteria, page: PageRequest) -> Any:  # noqa: ANN401 - SQLAlchemy's own
    """Return the query of what is found behind the page's cursor, in no order, as far as counted.

    Its columns are the id and those that `Facets` counts.
    """
    version = ResourceVersion
    columns: list[Any] = [Resource.id, Resource.department]
    columns += [version.class_code, version.share_type, version.state]
    conditions = [*_by_index(criteria), *_conditions(criteria)]
    query = sqlalchemy.select(*columns).select_from(Resource)
    query = query.join(version, _shown(viewer, criteria)).where(*conditions)
    if page.after is not None:
        query = query.where(col(Resource.id) > page.after)
    return query.limit(COUNTED_MAX + 1)


async def _counted(
    session: ReadSession, viewer: Principal, criteria: Criteria, page: PageRequest
) -> tuple[Facets, Sequence[str]]:
    """Count what is found, in the database, and return the ids of the page's resources, too."""
    found = matching(viewer, criteria, page).cte("found").prefix_with("MATERIALIZED")
    some = sqlalchemy.select(*list(found.c)[1:]).limit(COUNTED_MAX).subquery("some")
    each = [sqlalchemy.select(literal(name), column, func.count()).group_by(column)
            for name, column in zip(COUNTED, some.c, strict=True)]  # fmt: skip
    first = sqlalchemy.select(found.c.id).order_by(found.c.id).limit(page.limit + 1)
    ids = sqlalchemy.select(literal(IDS), first.subquery().c.id, literal(0))
    total = sqlalchemy.select(literal(TOTAL), null(), func.count()).select_from(found)
    async with _planned(session, counting(criteria)):
        rows = (await session.execute(sqlalchemy.union_all(*each, ids, total))).all()
    counts = {name: {value: n for of, value, n in rows if of == name} for name in COUNTED}
    complete = next(n for of, _, n in rows if of == TOTAL) <= COUNTED_MAX
    return Facets(counts, complete), sorted(value for of, value, _ in rows if of == IDS)


def counting(criteria: Criteria) -> str:
    """Return the ways that PostgreSQL is kept from while it counts; pure.

    What no word, place or element narrows is most of the catalogue: entries and versions are read
    side by side, not each version's entry by itself. Nor does the whole region narrow: an index
    would name all of its entries before the first is counted.
    """
    narrowed = (
        criteria.q,
        criteria.department,
        criteria.class_code,
        criteria.element,
        not covers(criteria.region_code or STATE, REGION),
    )
    return ROW_BY_ROW if any(narrowed) else IN_ORDER


@asynccontextmanager
async def _planned(session: ReadSession, without: str) -> AsyncIterator[None]:
    """Keep PostgreSQL from some ways within the block, in this transaction."""
    await session.execute(_WAYS.bindparams(ways=without, value="off"))
    yield
    await session.execute(_WAYS.bindparams(ways=without, value="on"))


async def _versions(
    session: ReadSession, viewer: Principal, criteria: Criteria, resource_ids: Sequence[str]
) -> Sequence[tuple[Resource, ResourceVersion]]:
    """Return resources in the version that the viewer sees, in the order of their ids."""
    if not resource_ids:
        return []
    query = _pairs(viewer, criteria).where(col(Resource.id).in_(resource_ids))
    found = await session.exec(query.order_by(col(Resource.id)))
    return [(resource, version) for resource, version in found]


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


def _in_text(criteria: Criteria, longer_than: int = 0) -> list[ColumnElement[bool]]:
    text = col(ResourceVersion.search_text)
    wanted = [word for word in words(fold(criteria.q or "")) if len(word) > longer_than]
    return [text.contains(word, autoescape=True) for word in wanted]


def _by_index(criteria: Criteria) -> list[ColumnElement[bool]]:
    grams = {gram for word in words(fold(criteria.q or "")) for gram in narrowest(word)}
    found = [col(ResourceVersion.search_grams).contains(sorted(grams))] if grams else []
    return [*found, *_in_text(criteria, longer_than=PAIR)]


def _scopes(criteria: Criteria) -> list[ColumnElement[bool]]:
    """Return filters that the index of words answers together with them."""
    within_all = []
    if criteria.department is not None:
        within_all.append(of_department(criteria.department))
    if criteria.class_code is not None:
        within_all.append(below_class(criteria.class_code))
    column = col(ResourceVersion.search_scopes)
    found = [column.contains(within_all)] if within_all else []
    regions = [] if criteria.region_code is None else below_region(criteria.region_code)
    if regions:
        found.append(column.op("&&")(cast(regions, ARRAY(Text))))
    return found


def _conditions(criteria: Criteria) -> list[ColumnElement[bool]]:
    version = ResourceVersion
    found = _scopes(criteria)
    if criteria.share_type is not None:
        found.append(col(version.share_type) == criteria.share_type)
    if criteria.element is not None:
        found.append(col(version.items).contains([{"element": criteria.element}]))
    if criteria.status is not None:
        found.append(col(version.state) == criteria.status)
    else:
        found.append(col(version.state) != State.DISCARDED)
    return found
