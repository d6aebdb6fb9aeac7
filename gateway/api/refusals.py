"""`/v1/refusals`, `/v1/me/explain`: what was refused, by which check, and what would pass (P10)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Header, Path, Query
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from auth.principal import Principal
from gateway import explaining, names
from gateway.checks import Check, check_of
from gateway.explaining import CheckView
from gateway.lists import ListOf, Paging
from gateway.names import Fields
from gateway.principal import Caller
from gateway.problems import in_english
from gateway.services import Reading, Services, Using
from kernel.database import ReadSession
from kernel.errors import NotFound, Unauthorized
from kernel.refusals import Criteria, page
from kernel.tables import RefusalRow
from kernel.wire import Moment, Wire

router = APIRouter(tags=["me"])

CorrelationId = Annotated[str, Field(min_length=1, max_length=64)]
Name = Annotated[str | None, Query(max_length=128)]
Language = Annotated[str, Header()]


class RefusalView(Wire):
    """One refused request; `count` stands for others of its minute that were only counted."""

    correlation_id: str
    at: datetime
    client_id: str | None
    client_name: str | None
    person: str | None
    department: str | None
    department_name: str | None
    method: str
    path: str
    status: int
    code: str
    check: Check
    facts: dict[str, Any]
    rule: str
    remedy: str | None
    source: str | None
    count: int


class ExplainBody(Wire):
    """A refusal by its correlation id, or a token of one's own department."""

    correlation_id: CorrelationId | None = None
    token: Annotated[str, Field(min_length=1, max_length=8192)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.correlation_id is None) == (self.token is None):
            raise PydanticCustomError("missing", "correlation_id or token")
        return self


class Explanation(Wire):
    """The chain of checks in the order in which a request passes them."""

    correlation_id: str | None
    at: datetime | None
    checks: list[CheckView]


@router.get("/v1/refusals")
async def find(  # noqa: PLR0913 - a filter is a parameter
    principal: Caller,
    session: Reading,
    paging: Paging,
    *,
    client_id: Name = None,
    person: Name = None,
    code: Name = None,
    since: Annotated[Moment | None, Query()] = None,
    accept_language: Language = "",
) -> ListOf[RefusalView]:
    """List refused requests of the department, or of the region, the newest first."""
    wanted = Criteria(
        explaining.sight(principal),
        actor_kind="client" if client_id else "person" if person else None,
        actor_id=client_id or person,
        code=code,
        since=since,
    )
    found = await page(session, paging, wanted)
    items = await _views(session, found.items, english=in_english(accept_language))
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/v1/refusals/{correlation_id}")
async def get(
    correlation_id: Annotated[str, Path(max_length=64)],
    principal: Caller,
    session: Reading,
    *,
    accept_language: Language = "",
) -> RefusalView:
    """Return what was asked, which check failed against which rule, and what would pass."""
    row = await explaining.load(session, principal, correlation_id)
    return (await _views(session, [row], english=in_english(accept_language)))[0]


@router.post("/v1/me/explain")
async def explain(
    body: ExplainBody,
    principal: Caller,
    using: Using,
    session: Reading,
    *,
    accept_language: Language = "",
) -> Explanation:
    """Explain a refusal, or what a token may do, check by check."""
    english = in_english(accept_language)
    if body.token is not None:
        checks = await _of_token(using, principal, body.token, english=english)
        return Explanation(correlation_id=None, at=None, checks=checks)
    row = await explaining.load_own(session, principal, body.correlation_id or "")
    return Explanation(
        correlation_id=row.correlation_id,
        at=row.at,
        checks=explaining.of_refusal(row, english=english),
    )


async def _of_token(
    using: Services, principal: Principal, token: str, *, english: bool
) -> list[CheckView]:
    """Raise NotFound for a token of another department: nothing about others."""
    try:
        bearer = await using.tokens.verify(token.encode())
    except Unauthorized as error:
        return explaining.of_token(None, error, english=english)
    if bearer.department != principal.department:
        raise NotFound
    return explaining.of_token(bearer, None, english=english)


async def _views(
    session: ReadSession, rows: Sequence[RefusalRow], *, english: bool
) -> list[RefusalView]:
    views = [_fields(row, english=english) for row in rows]
    await names.add(session, views)
    return [RefusalView.model_validate(view) for view in views]


def _fields(row: RefusalRow, *, english: bool) -> Fields:
    is_client = row.actor_kind == "client"
    failed = check_of(row.code, row.status)
    told = explaining.failing(failed, row.code, row.facts, english=english)
    kept = {"correlation_id", "at", "department", "method", "path", "status", "code"}
    return row.model_dump(include=kept | {"source", "count"}) | {
        "client_id": row.actor_id if is_client else None,
        "person": None if is_client else row.actor_id,
        "check": failed,
        "facts": told.facts,
        "rule": told.rule,
        "remedy": told.remedy,
    }
