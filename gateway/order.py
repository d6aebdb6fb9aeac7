"""The order of checks (docs/api.md section 1): of several refusals the first is told.

Parts of a request are read before its thing is looked up, because they come first or cost less.
Whatever is wrong with them is told only after the earlier questions have been asked.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Protocol

from starlette.datastructures import Headers

from auth.principal import Principal
from gateway.acts import act_of
from gateway.routing import Operation
from gateway.standing import Standing
from gateway.tags import revision_of
from kernel.database import Database
from kernel.errors import (
    BadRequest,
    Category,
    InvalidUtf8,
    MalformedJson,
    PreconditionRequired,
    ShuyuanError,
    Stale,
)

# In a request's scope: what is asked, by whom.
ASKED: Final = "exchange.asked"


class Rank(IntEnum):
    """Where a refusal stands; what is not listed here is told at once."""

    PARAMETERS = 1
    MEDIA = 2
    SIZE = 3
    PRECONDITION = 4
    STATE = 5
    BODY = 6


_RANKS: Final[Mapping[Category, Rank]] = {
    Category.BAD_REQUEST: Rank.PARAMETERS,
    Category.UNSUPPORTED_MEDIA: Rank.MEDIA,
    Category.TOO_LARGE: Rank.SIZE,
    Category.PRECONDITION_REQUIRED: Rank.PRECONDITION,
    Category.PRECONDITION_FAILED: Rank.PRECONDITION,
    Category.CONFLICT: Rank.STATE,
    Category.INVALID: Rank.BODY,
}
# Of no request at all, or of one that was answered before.
_APART: Final = frozenset(
    {"malformed_request", "request_timeout", "head_too_large", "idempotency_key_reused"}
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that is going to be refused."""

    operation: Operation
    path_params: Mapping[str, Any]
    query_string: bytes
    headers: Headers
    principal: Principal


class Holding(Protocol):
    """What holds the database."""

    @property
    def database(self) -> Database: ...


def rank_of(error: ShuyuanError) -> Rank | None:
    """Return where a refusal stands in the order, None where it is told at once."""
    if error.code in _APART:
        return None
    if isinstance(error, MalformedJson | InvalidUtf8):
        return Rank.BODY
    return _RANKS.get(error.category)


async def first(using: Holding, asked: Asked, error: ShuyuanError) -> ShuyuanError:
    """Return what is to be told: `error`, or what comes before it."""
    rank = rank_of(error)
    if rank is None:
        return error
    try:
        standing = await _standing(using, asked)
        for earlier, check in _checks(asked, standing):
            if earlier < rank:
                check()
    except ShuyuanError as found:
        return found
    return error


async def _standing(using: Holding, asked: Asked) -> Standing:
    """Ask for the thing; raises 403 and 404 errors, and BadRequest where the path names none.

    Scope and role were asked for before the body.
    """
    errors = asked.operation.path_errors(asked.path_params)
    if errors or any("\x00" in str(value) for value in asked.path_params.values()):
        raise BadRequest(errors=errors)
    act = act_of(asked.operation.act)
    if act is None:
        return Standing()
    thing = next(iter(asked.path_params.values()), "")
    async with using.database.reading() as session:
        return await act.look(session, asked.principal, str(thing))


async def present_revision(using: Holding, asked: Asked, named: Collection[int]) -> int:
    """Return the present revision of the thing if it is one of those named; Stale, 403, 404."""
    revision = (await _standing(using, asked)).revision
    if revision is None or revision not in named:
        raise Stale
    return revision


def _checks(asked: Asked, standing: Standing) -> Iterator[tuple[Rank, Callable[[], None]]]:
    yield Rank.PARAMETERS, lambda: _parameters(asked)
    yield Rank.PRECONDITION, lambda: _precondition(asked, standing)
    yield Rank.STATE, lambda: _state(standing)


def _parameters(asked: Asked) -> None:
    operation = asked.operation
    operation.check_query(asked.query_string, asked.path_params)
    errors = operation.parameter_errors(asked.query_string, asked.headers)
    if errors:
        raise BadRequest(errors=errors)


def _precondition(asked: Asked, standing: Standing) -> None:
    if not asked.operation.wants_revision:
        return
    value = asked.headers.get("if-match")
    if value is None:
        raise PreconditionRequired
    named = revision_of(value)
    if named is not None and standing.revision is not None and standing.revision not in named:
        raise Stale


def _state(standing: Standing) -> None:
    if standing.refusal is not None:
        raise standing.refusal
