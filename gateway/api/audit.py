"""`GET /v1/audit`: the audit log for auditors (`api.md` section 6)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel

from auth import departments
from auth.principal import Role
from gateway import names
from gateway.lists import ListOf, Paging
from gateway.names import Fields
from gateway.principal import AuditReader
from gateway.services import Reading
from kernel import audit
from kernel.audit import Filter
from kernel.database import ReadSession
from kernel.wire import Moment, Wire

router = APIRouter(tags=["audit"])


class AuditEventView(Wire):
    """One event with its place in its hash chain; names are those of today, and not in the hash."""

    chain: int
    seq: int
    at: datetime
    event: str
    actor_kind: str
    actor_id: str
    actor_name: str | None
    department: str | None
    department_name: str | None
    subject_type: str
    subject_id: str
    subject_name: str | None
    details: dict[str, Any]
    correlation_id: str | None
    previous_hash: str
    hash: str


EVENT = {*AuditEventView.model_fields} - {"actor_name", "department_name", "subject_name"}


class AuditPage(ListOf[AuditEventView]):
    """`resume_cursor` stands at the end of this page, also where there is no next one."""

    resume_cursor: str


Name = Annotated[str | None, Query(max_length=128)]
OldName = Annotated[
    str | None,
    Query(max_length=128, deprecated=True, description="旧名 / `actor_id`, `subject_id` as before"),
]


async def _views(session: ReadSession, rows: Sequence[BaseModel]) -> list[AuditEventView]:
    """Return the events with names: an auditor of their division may know whom they name."""
    views: list[Fields] = [row.model_dump(include=EVENT) for row in rows]
    await names.add_to_events(session, views)
    return [AuditEventView.model_validate(view) for view in views]


@router.get("/v1/audit")
async def page(  # noqa: PLR0913 - one list with its filters
    principal: AuditReader,
    session: Reading,
    paging: Paging,
    *,
    since: Annotated[Moment | None, Query()] = None,
    until: Annotated[Moment | None, Query()] = None,
    actor_id: Name = None,
    subject_id: Name = None,
    event: Name = None,
    actor: OldName = None,
    thing: OldName = None,
) -> AuditPage:
    """List events, the oldest first, by their fields; `subject_id` is of what was acted on.

    Who asks again with `resume_cursor` misses nothing: an event of a slow transaction, older
    than what was read already, still comes after it.

    Auditors of 450000 read everything, others what departments of their division did.
    """
    principal.require_role(Role.AUDITOR)
    within = await departments.audited(session, principal)
    wanted = Filter(since, until, actor_id or actor, subject_id or thing, event, within)
    found = await audit.page(session, paging, wanted)
    items = await _views(session, found.items)
    return AuditPage(
        items=items, next_cursor=found.next_cursor, resume_cursor=found.resume_cursor or ""
    )
