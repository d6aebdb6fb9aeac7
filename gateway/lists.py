"""Lists, ETags and the parameters that every list has (`api.md` section 1)."""

from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Header, Query, Request, Response

from gateway import order
from gateway.services import Services, Using
from gateway.tags import revision_of
from kernel.errors import PreconditionRequired
from kernel.paging import LIMIT_DEFAULT, LIMIT_MAX, PageRequest
from kernel.preconditions import NONE_GIVEN, Precondition
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


def tag(response: Response, revision: int, standing: str = "") -> None:
    """Tag a view with its revision, and with what else has changed in it since, if anything."""
    response.headers["ETag"] = f'"{revision}-{standing}"' if standing else f'"{revision}"'


def weak_tag(response: Response, revision: int) -> None:
    """Tag a view that also tells what changes without a revision: counts, positions, lags."""
    response.headers["ETag"] = f'W/"{revision}"'


async def _if_match(
    request: Request, using: Using, if_match: Annotated[str | None, Header()] = None
) -> int | None:
    """Return the revision that the caller has read, None for `*`, which is whatever there is.

    428 without the header, 412 for tags that are none of ours. Of several tags the one that
    names the present revision counts (RFC 9110 section 13.1.1).
    """
    if if_match is None:
        raise PreconditionRequired
    return await _named(request, using, if_match)


async def _heeded(
    request: Request,
    using: Using,
    if_match: Annotated[str | None, Header(description="可省略 / may be left out")] = None,
) -> int | None:
    """Return the revision that is named, None without one; 412 for tags that are none of ours."""
    return None if if_match is None else await _named(request, using, if_match)


async def _precondition(
    if_match: Annotated[
        str | None, Header(description="变更时必填 / needed where there is one already")
    ] = None,
) -> Precondition:
    """Return what If-Match asks of a thing that is created or changed; 412 for foreign tags."""
    if if_match is None:
        return NONE_GIVEN
    return Precondition(is_given=True, revisions=revision_of(if_match))


async def _named(request: Request, using: Services, if_match: str) -> int | None:
    named = revision_of(if_match)
    if named is None or len(named) == 1:
        return None if named is None else next(iter(named))
    return await order.present_revision(using, request.scope[order.ASKED], named)


_if_match.wants_revision = True  # type: ignore[attr-defined]


Revision = Annotated[int | None, Depends(_if_match)]
HeededRevision = Annotated[int | None, Depends(_heeded)]
Matching = Annotated[Precondition, Depends(_precondition)]
