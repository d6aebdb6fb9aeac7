"""`/v1/audit/verifications`: the audit log verified as a job, and what came of it (P8)."""

from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header
from pydantic import Field

from auth.principal import Principal, Role
from gateway import audit_faults, names
from gateway.api.jobs import Queued
from gateway.names import Fields
from gateway.once import Acting
from gateway.principal import Auditor, AuditReader
from gateway.problems import in_english
from gateway.services import Reading, Writing
from kernel import audit_verification
from kernel.audit_check import Fault
from kernel.audit_verification import VERIFIED
from kernel.database import ReadSession
from kernel.tables import AuditRow, JobRow
from kernel.wire import Wire

router = APIRouter(prefix="/v1/audit/verifications", tags=["audit"])
SHOWN = 20


class FaultView(Wire):
    """The first place of a chain that is not as it was written."""

    chain: int
    seq: int
    message: Annotated[str, Field(description="哪里、怎样不符 / what is wrong, and where")]


class VerificationView(Wire):
    """`until` is the last event of each chain that was looked at; `whole`: nothing is wrong."""

    at: datetime
    began_at: datetime | None
    by: str
    by_name: str | None
    whole: Annotated[bool, Field(description="是否完整 / whether nothing is wrong")]
    events: Annotated[int, Field(description="核验的事件数 / how many events were recomputed")]
    until: Annotated[
        dict[str, int], Field(description="各链核验至 / the last event of each chain looked at")
    ]
    faults: Annotated[
        list[FaultView], Field(description="不符之处 / the first fault of each chain")
    ]


class RunningView(Wire):
    """The verification that is under way: `done` of `total` events."""

    job_id: str
    created_at: datetime
    done: int
    total: int | None


class VerificationsView(Wire):
    running: Annotated[
        RunningView | None, Field(description="正在进行的核验 / the one that is under way")
    ]
    items: list[VerificationView]


@router.post("", status_code=HTTPStatus.ACCEPTED)
async def begin(principal: Auditor, session: Writing, once: Acting) -> Queued:
    """核验整个审计日志；已在进行的不重复 / recompute all chains; one that is under way goes on.

    Whatever the log grows by meanwhile is for the next one; archives are verified by the command.
    """
    row = await audit_verification.begin(session, principal.actor, principal.scopes)
    return await once.keep(Queued(job_id=row.id))


@router.get("")
async def find(
    principal: AuditReader,
    session: Reading,
    *,
    accept_language: Annotated[str, Header(include_in_schema=False)] = "",
) -> VerificationsView:
    """正在进行和最近的核验 / the verification that is under way, and the last ones."""
    return await view(session, principal, english=in_english(accept_language))


async def view(session: ReadSession, principal: Principal, *, english: bool) -> VerificationsView:
    """Return what auditors are told; raises RoleRequired to others."""
    principal.require_role(Role.AUDITOR)
    running = await audit_verification.under_way(session)
    rows = await audit_verification.latest(session, SHOWN)
    return VerificationsView(
        running=None if running is None else _running(running),
        items=await _views(session, rows, english=english),
    )


def _running(row: JobRow) -> RunningView:
    return RunningView(job_id=row.id, created_at=row.created_at, done=row.done, total=row.total)


async def _views(
    session: ReadSession, rows: Sequence[AuditRow], *, english: bool
) -> list[VerificationView]:
    found: list[Fields] = [_fields(row, english=english) for row in rows]
    await names.add_by_kind(session, found, ("kind", "by", "by_name"))
    for each in found:
        del each["kind"]
    return [VerificationView.model_validate(each) for each in found]


def _fields(row: AuditRow, *, english: bool) -> Fields:
    faults = [Fault(*each) for each in row.details["faults"]]
    told = [(each, audit_faults.told(each)) for each in faults]
    return {
        "at": row.at,
        "began_at": row.details.get("began_at"),
        "kind": row.actor_kind,
        "by": row.actor_id,
        "whole": row.event == VERIFIED,
        "events": row.details["events"],
        "until": row.details["until"],
        "faults": [
            {"chain": each.chain, "seq": each.seq, "message": text.en if english else text.zh}
            for each, text in told
        ],
    }
