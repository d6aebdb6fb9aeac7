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


def _if_match(if_match: Annotated[str | None, Header()] = None) -> int:
    """Return the revision that the caller has read; 428 without one, 412 for a foreign one."""
    if if_match is None:
        raise PreconditionRequired
    return revision_of(if_match)


def revision_of(if_match: str) -> int:
    """Return the revision that an If-Match names; Stale when it names none of ours."""
    text = if_match.strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004
        raise Stale
    return int(text)


Revision = Annotated[int, Depends(_if_match)]
