"""Lists, ETags and the parameters that every list has (`api.md` section 1)."""

from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Header, Query, Response

from kernel.errors import PreconditionRequired, Stale
from kernel.paging import LIMIT_DEFAULT, LIMIT_MAX, PageRequest
from kernel.wire import Wire

Item = TypeVar("Item")


class ListOf(Wire, Generic[Item]):
    items: list[Item]
    next_cursor: str | None


def _page_request(
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX)] = LIMIT_DEFAULT,
    cursor: Annotated[str | None, Query(max_length=512)] = None,
) -> PageRequest:
    return PageRequest(limit, cursor)


Paging = Annotated[PageRequest, Depends(_page_request)]


def tag(response: Response, revision: int) -> None:
    response.headers["ETag"] = f'"{revision}"'


def weak_tag(response: Response, revision: int) -> None:
    """Tag a view that also tells what changes without a revision: counts, positions, lags."""
    response.headers["ETag"] = f'W/"{revision}"'


def _if_match(if_match: Annotated[str | None, Header()] = None) -> int | None:
    """Return the revision that the caller has read, None for `*`, which is whatever there is.

    428 without the header, 412 for a tag that is none of ours.
    """
    if if_match is None:
        raise PreconditionRequired
    return revision_of(if_match)


def revision_of(if_match: str) -> int | None:
    """Return the revision that an If-Match names, None for `*`; Stale when it is none of ours."""
    if if_match.strip() == "*":
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004
        raise Stale
    return int(text)


Revision = Annotated[int | None, Depends(_if_match)]
