"""Lists are read in pages, oldest id first or newest first, from an opaque cursor."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlmodel import col

from kernel.errors import InvalidCursor

LIMIT_MAX = 200
LIMIT_DEFAULT = 50
PLACE_DIGITS = 9


Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """`next_cursor` is None at the end; `resume_cursor`, where a list has one, never is."""

    items: Sequence[Row]
    next_cursor: str | None
    resume_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class PageRequest:
    limit: int = LIMIT_DEFAULT
    cursor: str | None = None

    @property
    def after(self) -> str | None:
        """The key after which the page starts; raises InvalidCursor."""
        return None if self.cursor is None else decode(self.cursor)

    @property
    def first(self) -> int:
        """The place at which the page starts of a list that is put in order anew each time.

        Raises InvalidCursor.
        """
        after = self.after
        if after is None:
            return 0
        if not (after.isascii() and after.isdigit() and len(after) <= PLACE_DIGITS):
            raise InvalidCursor
        return int(after)

    def apply(self, query: Any, key: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's own types
        """Order by the unique text `key`, start after the cursor, ask for one row too many."""
        if self.after is not None:
            query = query.where(col(key) > self.after)
        return query.order_by(col(key)).limit(self.limit + 1)

    def page(self, rows: Sequence[Row], key: str) -> Page[Row]:
        """Cut the extra row off; its presence says that there is more."""
        items = rows[: self.limit]
        more = len(rows) > self.limit
        return Page(items, encode(str(getattr(items[-1], key))) if more else None)


def encode(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def decode(cursor: str) -> str:
    """Return the key; raises InvalidCursor."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        key = raw.decode()
    except ValueError as error:
        raise InvalidCursor from error
    if not key or "\x00" in key:
        raise InvalidCursor
    return key
