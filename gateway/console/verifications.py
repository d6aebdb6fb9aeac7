"""审计 · 核验: whether the audit log is whole, and since when that is known."""

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter

from auth.principal import Role, Scope
from gateway.api import verifications as api
from gateway.api.verifications import VerificationsView
from gateway.console.pages import act, page
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit
from kernel import audit_verification

router = APIRouter()
ADDRESS: Final = "/console/audit/verifications"
TEMPLATE: Final = "verifications.html"


@dataclass(frozen=True, slots=True)
class Verifications:
    """`percent` is how far the one under way has come, None where none is."""

    found: VerificationsView
    percent: int | None


@page(router, ADDRESS, TEMPLATE)
async def listed(visit: Visit) -> Verifications:
    visit.principal.require_scope(Scope.AUDIT_READ)
    async with visit.reading() as session:
        found = await api.view(session, visit.principal, english=visit.english)
    running = found.running
    percent = None if running is None else _percent(running.done, running.total)
    return Verifications(found, percent)


def _percent(done: int, total: int | None) -> int:
    return min(100, done * 100 // total) if total else 0


async def begin(visit: Visit) -> Go:
    visit.principal.require_scope(Scope.AUDIT_READ)
    visit.principal.require_role(Role.AUDITOR)
    async with visit.writing() as session:
        actor, scopes = visit.principal.actor, visit.principal.scopes
        await audit_verification.begin(session, actor, scopes)
    return Go(ADDRESS, N_("核验已开始。"))


act(router, ADDRESS, listed, TEMPLATE)(begin)
