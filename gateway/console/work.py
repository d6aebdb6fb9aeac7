"""工作台: what waits for the person, by the working days that remain, and what waits for others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from fastapi import APIRouter

from exchange.alarms import register as alarm_register
from exchange.applications import register
from exchange.applications.states import State
from exchange.bundles.states import Action, Status
from exchange.parties import Side
from exchange.tasks import inbox
from gateway import names
from gateway.api import bundles as bundles_api
from gateway.api import events as events_api
from gateway.api.application_shapes import ApplicationView, told
from gateway.api.bundle_shapes import BundleView
from gateway.api.events import EventView
from gateway.console.own import place_of
from gateway.console.pages import page
from gateway.console.places import place
from gateway.console.visit import Visit
from kernel.database import ReadSession
from kernel.paging import PageRequest
from kernel.workdays import end_of_day, local_date

router = APIRouter()
OTHERS: Final = PageRequest(10)
LATELY: Final = 8
# More of them are not counted.
ALARMS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that waits for an act; `thing` and `action` name the kind."""

    thing: str
    action: str
    url: str
    name: str
    department: str
    due_on: date | None
    remaining: int | None
    overdue: bool


@dataclass(frozen=True, slots=True)
class Workbench:
    """`bundles` can be signed at once; `others` are applications that providers have to answer.

    `lately` is what concerned the department since yesterday, the newest first; `alarms` are how
    many nobody has acknowledged, for those who guard the platform.
    """

    tasks: Sequence[Task]
    bundles: Sequence[BundleView]
    others: Sequence[ApplicationView]
    lately: Sequence[EventView]
    alarms: int
    places: Mapping[str, str]
    next_cursor: str | None


@page(router, "/console", "work.html")
async def workbench(visit: Visit) -> Workbench:
    async with visit.reading() as session:
        found = await inbox.page(session, visit.principal, visit.paging, now=visit.now)
        bundles = await _bundles(visit, session)
        others = await _others(visit, session)
        alarms = await _alarms(visit, session)
    tasks = [_task(each) for each in found.items]
    lately = await _lately(visit)
    places = {each.id: place_of(each) for each in lately}
    return Workbench(tasks, bundles, others, lately, alarms, places, found.next_cursor)


async def _lately(visit: Visit) -> Sequence[EventView]:
    """Return what came since yesterday began."""
    if not visit.has("clerk", "head", "authority"):
        return []
    # A day ends where the next one begins.
    yesterday = end_of_day(local_date(visit.now) - timedelta(days=2))
    return await events_api.newest(visit.using, visit.principal, yesterday, LATELY)


async def _alarms(visit: Visit, session: ReadSession) -> int:
    if not visit.has("security"):
        return 0
    return await alarm_register.count_open(session, visit.principal, ALARMS_MAX)


async def _bundles(visit: Visit, session: ReadSession) -> list[BundleView]:
    """Return the newest bundles that the person may sign: each of their lines is a task besides."""
    if not visit.has("head"):
        return []
    found = await bundles_api.page(visit.principal, session, OTHERS, Status.OPEN)
    return [each for each in found.items if Action.SIGN in each.allowed]


def _task(task: inbox.Task) -> Task:
    thing, _, action = task.kind.partition(".")
    return Task(
        thing=thing,
        action=action,
        url=place(thing, task.thing) or "/console",
        name=task.title or task.thing,
        department=task.from_name or task.from_department,
        due_on=names.last_day(task.due_at),
        remaining=task.remaining_working_days,
        overdue=task.overdue,
    )


async def _others(visit: Visit, session: ReadSession) -> list[ApplicationView]:
    if not visit.has("clerk", "head"):
        return []
    found = await register.page(
        session,
        visit.principal,
        OTHERS,
        now=visit.now,
        side=Side.CONSUMER,
        status=State.SUBMITTED,
        overdue=None,
    )
    views = await told(session, visit.principal, found.items, visit.now)
    return [ApplicationView.model_validate(each) for each in views]
