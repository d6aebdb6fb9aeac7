"""SQL of finding resources: words, filters, facets."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
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
COUNTED_MAX: Final = 2_000
COUNTED: Final = ("department", "class", "share_type", "status")
# Ways that PostgreSQL is kept from. It takes the arrays of words to be cheaper to read than they
# are: what is counted is found by indexes and row by row, so that it ends when enough is counted;
# what is many is read in the order of the page.
ROW_BY_ROW, IN_ORDER = "seqscan hashjoin mergejoin", "seqscan hashjoin bitmapscan sort"
_WAYS: Final = sqlalchemy.text(
    "SELECT set_config('enable_' || way, :value, true) FROM string_to_table(:ways, ' ') way"
)
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
) -> tuple[Page[tuple[Resource, ResourceVersion]], Facets]:
    """Return a page and how many there are of each value, from the page's beginning on.

    What is few is found by its indexes and put in order here. What is many is met soon enough
    where the resources are read in their order.
    """
    found = await _matched(session, viewer, criteria, page)
    if len(found) > COUNTED_MAX:
        async with _planned(session, IN_ORDER):
            rows = (await session.exec(statement(viewer, criteria, page))).all()
    else:
        rows = await _versions(session, sorted((row[0], row[1]) for row in found)[: page.limit + 1])
    pairs = [(resource, version) for resource, version in rows]
    cut = page.page([resource for resource, _ in pairs], "id")
    return Page(pairs[: page.limit], cut.next_cursor), _facets(found)


def statement(viewer: Principal, criteria: Criteria, page: PageRequest) -> Any:  # noqa: ANN401 - SQLAlchemy's own
    """Return the query of one page."""
    query = select(Resource, ResourceVersion).join(ResourceVersion, _shown(viewer, criteria))
    query = query.options(WITHOUT_CONTRACT, *WITHOUT_WORDS)
    return page.apply(query.where(*_conditions(criteria)), col(Resource.id))


def matching(viewer: Principal, criteria: Criteria, page: PageRequest) -> Any:  # noqa: ANN401 - SQLAlchemy's own
    """Return the query of what is found behind the page's cursor, in no order, as far as counted.

    Its columns are id, number, and those that `Facets` counts.
    """
    version = ResourceVersion
    columns: list[Any] = [Resource.id, version.number]
    columns += [Resource.department, version.class_code, version.share_type, version.state]
    query = sqlalchemy.select(*columns).select_from(Resource)
    query = query.join(version, _shown(viewer, criteria)).where(*_conditions(criteria))
    if page.after is not None:
        query = query.where(col(Resource.id) > page.after)
    return query.limit(COUNTED_MAX + 1)


async def _matched(
    session: ReadSession, viewer: Principal, criteria: Criteria, page: PageRequest
) -> Sequence[Any]:
    async with _planned(session, ROW_BY_ROW):
        return (await session.execute(matching(viewer, criteria, page))).all()


@asynccontextmanager
async def _planned(session: ReadSession, without: str) -> AsyncIterator[None]:
    """Keep PostgreSQL from some ways within the block, in this transaction."""
    await session.execute(_WAYS.bindparams(ways=without, value="off"))
    yield
    await session.execute(_WAYS.bindparams(ways=without, value="on"))


async def _versions(
    session: ReadSession, keys: Sequence[tuple[str, int]]
) -> Sequence[tuple[Resource, ResourceVersion]]:
    """Return versions with their resources, in the order of the keys."""
    if not keys:
        return []
    version = ResourceVersion
    key = tuple_(col(version.resource_id), col(version.number))
    query = (
        select(Resource, version)
        .join(version, col(version.resource_id) == col(Resource.id))
        .options(WITHOUT_CONTRACT, *WITHOUT_WORDS)
        .where(key.in_(keys))
        .order_by(col(Resource.id))
    )
    return (await session.exec(query)).all()


def _facets(found: Sequence[Any]) -> Facets:
    """Count by department, class, share type and status what was found."""
    counts = {
        name: dict(Counter(row[place] for row in found[:COUNTED_MAX]))
        for place, name in enumerate(COUNTED, 2)
    }
    return Facets(counts, complete=len(found) <= COUNTED_MAX)


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
