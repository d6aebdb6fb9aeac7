"""What waits for somebody's act: rows of several tables in one list, the earliest due first.

Each table is asked for its own first rows behind the same place; the lists are merged. What has
no due date comes last. Ids are ordered by time, so of equal dates the oldest comes first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, DateTime, and_, case, cast, func, or_, tuple_
from sqlmodel import select

from kernel.errors import InvalidCursor
from kernel.paging import Page, PageRequest, encode
from kernel.workdays import SHANGHAI

# Later than any due date: what is due never.
NEVER: Final = datetime(9999, 12, 31, tzinfo=UTC)


def day_end(day: Any) -> ColumnElement[datetime]:  # noqa: ANN401 - a column of SQLModel
    """Return in SQL what `workdays.end_of_day` is: the first moment after the day in Shanghai."""
    midnight = func.timezone(SHANGHAI.key, cast(day + 1, DateTime()))
    return cast(midnight, DateTime(timezone=True))


# An act, and which rows wait for it.
Choice = tuple[str, ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Awaited:
    """`kind` is `thing.action`; without a `title` the thing is named by `named`."""

    kind: str
    id: str
    department: str
    due_at: datetime | None = None
    title: str | None = None
    named: str | None = None

    @property
    def place(self) -> tuple[datetime, str]:
        return self.due_at or NEVER, self.id


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that make an Awaited of a row; `named` or `title` may be missing."""

    id: Any
    department: Any
    due_at: Any
    title: Any = None
    named: Any = None


def query(thing: str, columns: Columns, choices: Sequence[Choice], request: PageRequest) -> Any:  # noqa: ANN401 - SQLAlchemy's own types
    """Return the select of rows that wait for one of the acts: each for the first that fits."""
    kind = case(*((condition, f"{thing}.{act}") for act, condition in choices))
    optional = (columns.title, columns.named)
    wanted = [kind, columns.id, columns.department, columns.due_at]
    wanted += [column for column in optional if column is not None]
    statement = select(*wanted).where(or_(*(condition for _act, condition in choices)))
    after = _place(request)
    if after is not None:
        statement = statement.where(_behind(columns, after))
    # Null comes last in ascending order.
    return statement.order_by(columns.due_at, columns.id).limit(request.limit + 1)


def rows(found: Iterable[Any], columns: Columns) -> list[Awaited]:
    """Return the rows of such a select."""
    fields = ["kind", "id", "department", "due_at"]
    fields += [name for name in ("title", "named") if getattr(columns, name) is not None]
    return [Awaited(**dict(zip(fields, row, strict=True))) for row in found]


def merged(lists: Iterable[Iterable[Awaited]], request: PageRequest) -> Page[Awaited]:
    """Return the first of all lists, and where the next page begins."""
    every = sorted((row for each in lists for row in each), key=lambda row: row.place)
    items = every[: request.limit]
    more = len(every) > request.limit
    return Page(items, encode("|".join(_written(items[-1]))) if more else None)


def _written(row: Awaited) -> tuple[str, str]:
    return "" if row.due_at is None else row.due_at.isoformat(), row.id


def _place(request: PageRequest) -> tuple[datetime | None, str] | None:
    """Return the place behind which a page begins; raises InvalidCursor."""
    if request.after is None:
        return None
    due, bar, thing_id = request.after.partition("|")
    try:
        due_at = datetime.fromisoformat(due) if due else None
    except ValueError as error:
        raise InvalidCursor from error
    if not bar or (due_at is not None and due_at.tzinfo is None):
        raise InvalidCursor
    return due_at, thing_id


def _behind(columns: Columns, place: tuple[datetime | None, str]) -> ColumnElement[bool]:
    due_at, thing_id = place
    if due_at is None:
        return and_(columns.due_at.is_(None), columns.id > thing_id)
    return or_(columns.due_at.is_(None), tuple_(columns.due_at, columns.id) > (due_at, thing_id))
