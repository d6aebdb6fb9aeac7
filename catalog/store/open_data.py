"""SQL of the open face of the catalogue: entries that anybody may see, judged at each question."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, exists, func, literal_column
from sqlmodel import and_, col, or_, select

from catalog.entries import OpenType
from catalog.states import State
from catalog.store.resources import WITHOUT_CONTRACT
from catalog.store.search import WITHOUT_WORDS
from catalog.tables import Element, Resource, ResourceVersion
from kernel.database import ReadSession

# Order 809 Art 12 and GB/T 43697: only what harms nobody is open to everybody.
OPEN_GRADE = 1
Row = tuple[Resource, ResourceVersion]
SERVING: Final = and_(
    col(ResourceVersion.resource_id) == col(Resource.id),
    col(ResourceVersion.number) == col(Resource.published_version),
)


async def find(session: ReadSession, *, after: str | None, skip: int, limit: int) -> Sequence[Row]:
    """Return open entries in the order of their ids."""
    query: Any = _open().order_by(col(Resource.id)).offset(skip).limit(limit)
    if after is not None:
        query = query.where(col(Resource.id) > after)
    return [(row[0], row[1]) for row in (await session.exec(query)).all()]


async def get(session: ReadSession, resource_id: str) -> Row | None:
    row = (await session.exec(_open().where(col(Resource.id) == resource_id))).first()
    return None if row is None else (row[0], row[1])


async def count(session: ReadSession) -> int:
    query = select(func.count()).select_from(Resource).join(ResourceVersion, SERVING)
    return int((await session.exec(query.where(*_conditions()))).one())


def _open() -> Any:  # noqa: ANN401 - SQLAlchemy's own
    query = select(Resource, ResourceVersion).join(ResourceVersion, SERVING)
    return query.options(WITHOUT_CONTRACT, *WITHOUT_WORDS).where(*_conditions())


def _conditions() -> list[ColumnElement[bool]]:
    return [
        col(Resource.status) != State.RETIRED,
        col(ResourceVersion.state) == State.PUBLISHED,
        col(ResourceVersion.open_type) == OpenType.OPEN,
        col(ResourceVersion.grade) == OPEN_GRADE,
        ~_has_harmful_item(),
    ]


def _has_harmful_item() -> ColumnElement[bool]:
    """Return whether an item tells of persons in clear, or is more sensitive than it once was."""
    item = func.jsonb_array_elements(col(ResourceVersion.items)).table_valued("value", name="item")
    value: Any = item.c.value
    in_clear = and_(col(Element.personal), value.op("->>")("mask").is_(None))
    return exists(
        select(literal_column("1"))
        .select_from(item)
        .join(Element, col(Element.code) == value.op("->>")("element"))
        .where(or_(in_clear, col(Element.sensitivity) > OPEN_GRADE))
        .correlate(ResourceVersion)
    )
