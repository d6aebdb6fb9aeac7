"""工作台: what waits for the person, found by what the state tables let them do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from fastapi import APIRouter

from auth.principal import Role
from catalog import search, sources, states
from catalog.search import Criteria
from catalog.states import SourceStatus
from exchange.applications import register
from exchange.applications.states import State as ApplicationState
from gateway.api.application_shapes import told
from gateway.api.entries import summaries
from gateway.api.sources import views as source_views
from gateway.console.pages import page
from gateway.console.visit import Visit
from kernel.database import ReadSession
from kernel.paging import PageRequest

router = APIRouter()
ROWS: Final = PageRequest(50)
# States of an entry in which somebody's act is awaited.
WAITING_ENTRIES: Final = (
    states.State.DRAFT, states.State.SUBMITTED, states.State.APPROVED,
)  # fmt: skip
WAITING_APPLICATIONS: Final = (
    ApplicationState.DRAFT,
    ApplicationState.SUBMITTED,
    ApplicationState.SUPPLEMENT_REQUESTED,
    ApplicationState.EXTENSION_REQUESTED,
)


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that the person may move on; `remaining` are working days."""

    kind: str
    url: str
    name: str
    department: str
    state: str
    state_kind: str
    since: datetime | None = None
    due_on: date | None = None
    remaining: int | None = None
    breached: bool = False

    @property
    def urgency(self) -> tuple[bool, int, str]:
        """The late first, then those that end soonest, then those without a clock."""
        days = 10_000 if self.remaining is None else self.remaining
        return (not self.breached, days, str(self.since))


@dataclass(frozen=True, slots=True)
class Workbench:
    mine: Sequence[Task]
    others: Sequence[Task]


@page(router, "/console", "work.html")
async def workbench(visit: Visit) -> Workbench:
    async with visit.reading() as session:
        found = [
            *await _applications(visit, session),
            *await _entries(visit, session),
            *await _sources(visit, session),
        ]
    found.sort(key=lambda each: each[1].urgency)
    return Workbench(
        mine=[task for mine, task in found if mine],
        others=[task for mine, task in found if not mine],
    )


async def _entries(visit: Visit, session: ReadSession) -> list[tuple[bool, Task]]:
    """Return entries in work: of the own department, and of the region for its authority."""
    tasks = []
    for status in WAITING_ENTRIES:
        oversees = visit.has(Role.AUTHORITY) and status is not states.State.DRAFT
        department = None if oversees else visit.principal.department
        criteria = Criteria(
            q=None, department=department, region_code=None, class_code=None, share_type=None,
            element=None, status=status,
        )  # fmt: skip
        found = await search.find(session, visit.principal, criteria, ROWS)
        for shown in await summaries(session, found.page.items):
            task = Task(
                kind="entry",
                url=f"/console/catalogue/{shown.id}",
                name=shown.name,
                department=shown.department_name or shown.department,
                state=shown.status,
                state_kind="resource",
                since=shown.submitted_at or shown.updated_at,
            )
            tasks.append((bool(_moves(shown.allowed)), task))
    return tasks


def _moves(allowed: Sequence[str]) -> list[str]:
    """Return the acts that move something on: giving up and taking back are always possible."""
    return [action for action in allowed if action not in ("discard", "withdraw", "retire")]


async def _applications(visit: Visit, session: ReadSession) -> list[tuple[bool, Task]]:
    tasks = []
    for status in WAITING_APPLICATIONS:
        found = await register.page(
            session, visit.principal, ROWS, now=visit.now, side=None, status=status, overdue=None
        )
        for view in await told(session, visit.principal, found.items, visit.now):
            task = Task(
                kind="application",
                url=f"/console/applications/{view['id']}",
                name=view["resource_name"] or view["resource_id"],
                department=view["consumer_name"] or view["consumer_department"],
                state=view["status"],
                state_kind="application",
                since=view["submitted_at"] or view["created_at"],
                due_on=view["due_on"],
                remaining=view["remaining_working_days"],
                breached=view["breached"],
            )
            tasks.append((bool(_moves(view["allowed"])), task))
    return tasks


async def _sources(visit: Visit, session: ReadSession) -> list[tuple[bool, Task]]:
    """Return claims that the authority has to decide about."""
    if not visit.has(Role.AUTHORITY):
        return []
    tasks = []
    for status in (SourceStatus.CONTESTED, SourceStatus.CLAIMED):
        found = await sources.search(session, sources.Criteria(status=status), ROWS)
        for view in await source_views(session, visit.principal, found.items):
            task = Task(
                kind="source",
                url=f"/console/sources/{view.element}?region_code={view.region_code}",
                name=view.element_name or view.element,
                department=view.department_name or view.department,
                state=view.status,
                state_kind="source",
                since=view.claimed_at,
            )
            tasks.append((True, task))
    return tasks
