"""安全 · 告警: what somebody who guards the platform should look at, and has looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter

from auth.principal import Role
from exchange.alarms import register
from exchange.alarms.kinds import Kind
from exchange.alarms.register import Criteria
from gateway.api import alarms as api
from gateway.api.alarms import AcknowledgeIn, AlarmView
from gateway.api.notices import NoticesView
from gateway.console import forms
from gateway.console.notices import kept
from gateway.console.pages import act, page
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit

router = APIRouter()
ADDRESS: Final = "/console/alarms"
LIST, ONE = "alarms.html", "alarm.html"
OPEN: Final = "open"


@dataclass(frozen=True, slots=True)
class AlarmList:
    """`kinds` are what to filter by; `only_open` where acknowledged ones are left out.

    `notices` say where the department is told of new ones, None where nothing is set.
    """

    alarms: Sequence[AlarmView]
    kinds: Sequence[str]
    only_open: bool
    next_cursor: str | None
    notices: NoticesView | None


@page(router, ADDRESS, LIST)
async def listed(visit: Visit) -> AlarmList:
    asked, only_open = visit.query("kind"), visit.query("only") == OPEN
    wanted = Criteria(
        kind=Kind(asked) if asked in set(Kind) else None,
        subject_id=(visit.query("subject_id") or "").strip()[:128] or None,
        acknowledged=False if only_open else None,
    )
    async with visit.reading() as session:
        found = await register.page(session, visit.principal, visit.paging, wanted)
        shown = await api.views(session, found.items)
        notices = await kept(visit, session)
    return AlarmList(shown, list(Kind), only_open, found.next_cursor, notices)


@dataclass(frozen=True, slots=True)
class AlarmPage:
    """`may` whether the person can acknowledge it."""

    alarm: AlarmView
    may: bool


@page(router, f"{ADDRESS}/{{id}}", ONE)
async def one(visit: Visit) -> AlarmPage:
    async with visit.reading() as session:
        alarm = await register.find(session, visit.principal, visit.part("id"))
        (shown,) = await api.views(session, [alarm])
    return AlarmPage(shown, visit.has(Role.SECURITY) and shown.acknowledged is None)


async def acknowledge(visit: Visit) -> Go:
    body = forms.body(AcknowledgeIn, {"note": visit.text("note")})
    alarm_id = visit.part("id")
    async with visit.writing() as session:
        await register.acknowledge(session, visit.principal, alarm_id, body.note)
    return Go(f"{ADDRESS}/{alarm_id}", N_("已确认，并记入审计。"))


act(router, f"{ADDRESS}/{{id}}/acknowledge", one, ONE)(acknowledge)
