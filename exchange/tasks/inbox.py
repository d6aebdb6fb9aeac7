"""One list per person of what waits for it, by the working days that remain (`GET /v1/me/tasks`).

Tasks are not kept: they are read from the states of the things themselves, so that none is ever
left over or missing. Each kind of thing is one bounded query.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from auth import directory
from auth.delegations import register as delegations
from auth.principal import Principal, Role
from catalog import awaited as catalogue
from catalog import directory as names
from exchange.applications import deadlines
from exchange.corrections import awaited as corrections
from exchange.delivery.push import awaited as endpoints
from exchange.demands import awaited as demands
from exchange.disposals import awaited as disposals
from exchange.disputes import awaited as disputes
from exchange.orders import awaited as orders
from exchange.tasks import store
from exchange.tasks.duties import THINGS, duties_of
from exchange.usage import awaited as usage
from kernel.awaited import Awaited, merged
from kernel.database import ReadSession
from kernel.paging import Page, PageRequest
from kernel.workdays import local_date

Lists = Sequence[Sequence[Awaited]]
Ask = Callable[[ReadSession, Principal, PageRequest, datetime], Awaitable[Lists]]
Tasks = Callable[[ReadSession, Principal, PageRequest], Awaitable[Sequence[Awaited]]]


@dataclass(frozen=True, slots=True)
class Task:
    """`kind` is `thing.action`; `title` names the thing, `from_name` who waits for the act."""

    kind: str
    thing: str
    title: str | None
    from_department: str
    from_name: str | None
    due_at: datetime | None
    remaining_working_days: int | None
    overdue: bool


async def page(
    session: ReadSession, principal: Principal, request: PageRequest, *, now: datetime
) -> Page[Task]:
    """Return what waits for the caller, the earliest due first; raises RoleRequired for clients."""
    principal.require_role(*Role)
    lists = [each for ask in SOURCES for each in await ask(session, principal, request, now)]
    found = merged(lists, request)
    return Page(await _named(session, found.items, now), found.next_cursor)


async def _catalogue(
    session: ReadSession, principal: Principal, request: PageRequest, now: datetime
) -> Lists:
    return await catalogue.tasks(session, principal, request, now=now)


async def _sharing(
    session: ReadSession, principal: Principal, request: PageRequest, now: datetime
) -> Lists:
    applications = list(duties_of(principal, THINGS["application"]))
    subscriptions = list(duties_of(principal, THINGS["subscription"]))
    return [
        await store.applications(session, principal, applications, request),
        await store.subscriptions(session, principal, subscriptions, local_date(now), request),
    ]


async def _delegations(
    session: ReadSession, principal: Principal, request: PageRequest, now: datetime
) -> Lists:
    return [await delegations.tasks(session, principal, request, local_date(now))]


async def _aftercare(
    session: ReadSession, principal: Principal, request: PageRequest, now: datetime
) -> Lists:
    return [
        await usage.tasks(session, principal, request, local_date(now)),
        await disposals.tasks(session, principal, request),
    ]


def _alone(tasks: Tasks) -> Ask:
    """Return what asks for the one list of a kind of thing that knows no day."""

    async def ask(
        session: ReadSession, principal: Principal, request: PageRequest, _now: datetime
    ) -> Lists:
        return [await tasks(session, principal, request)]

    return ask


# Whoever adds a kind of thing adds here who asks for what waits in it.
SOURCES: Final[Sequence[Ask]] = (
    _catalogue,
    _sharing,
    _alone(disputes.tasks),
    _alone(demands.tasks),
    _alone(orders.tasks),
    _delegations,
    _alone(corrections.tasks),
    _alone(endpoints.tasks),
    _aftercare,
)


async def _named(session: ReadSession, rows: Sequence[Awaited], now: datetime) -> list[Task]:
    resources = sorted({row.named for row in rows if row.named is not None})
    titles = await names.resources(session, resources) if resources else {}
    usccs = sorted({row.department for row in rows})
    departments = await directory.departments(session, usccs) if usccs else {}
    return [
        Task(
            kind=row.kind,
            thing=row.id,
            title=row.title if row.named is None else titles.get(row.named),
            from_department=row.department,
            from_name=departments.get(row.department),
            due_at=row.due_at,
            remaining_working_days=_remaining(row.due_at, now),
            overdue=row.due_at is not None and deadlines.is_breached(row.due_at, now),
        )
        for row in rows
    ]


def _remaining(due_at: datetime | None, now: datetime) -> int | None:
    return None if due_at is None else deadlines.remaining_working_days(due_at, now)
