"""`GET /v1/audit`: the audit log for auditors (`api.md` section 6)."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from auth import departments
from auth.principal import Role
from gateway.lists import ListOf, Paging
from gateway.principal import AuditReader
from gateway.services import Reading
from kernel import audit
from kernel.audit import Filter
from kernel.wire import Wire

router = APIRouter(tags=["audit"])


class AuditEventView(Wire):
    """One event with its place in its hash chain."""

    chain: int
    seq: int
    at: datetime
    event: str
    actor_kind: str
    actor_id: str
    department: str | None
    subject_type: str
    subject_id: str
    details: dict[str, Any]
    correlation_id: str | None
    previous_hash: str
    hash: str


class AuditPage(ListOf[AuditEventView]):
    """`resume_cursor` stands at the end of this page, also where there is no next one."""

    resume_cursor: str


Name = Annotated[str | None, Query(max_length=128)]


@router.get("/v1/audit")
async def page(  # noqa: PLR0913 - one list with its filters
    principal: AuditReader,
    session: Reading,
    paging: Paging,
    since: Annotated[AwareDatetime | None, Query()] = None,
    until: Annotated[AwareDatetime | None, Query()] = None,
    actor: Name = None,
    thing: Name = None,
    event: Name = None,
) -> AuditPage:
    """List events, the oldest first; `thing` is the id of what was acted on.

    Who asks again with `resume_cursor` misses nothing: an event of a slow transaction, older
    than what was read already, still comes after it.

    Auditors of 450000 read everything, others what departments of their division did.
    """
    principal.require_role(Role.AUDITOR)
    within = await departments.audited(session, principal)
    wanted = Filter(since, until, actor, thing, event, within)
    found = await audit.page(session, paging, wanted)
    items = [AuditEventView.model_validate(row) for row in found.items]
    return AuditPage(
        items=items, next_cursor=found.next_cursor, resume_cursor=found.resume_cursor or ""
    )
