"""Reading applications: one, its history, and lists of what the caller may see."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from auth.principal import Principal
from exchange import store as moving
from exchange.applications import deadlines, store
from exchange.applications.states import ALLOWED_ROLES, AWAITING_REPLY, Action, State, actions
from exchange.applications.tables import Application, ApplicationHistory
from exchange.parties import Side, may, require_visible
from exchange.subscriptions.register import seen_sides
from kernel.database import ReadSession
from kernel.paging import Page, PageRequest

__all__ = [
    "Application",
    "ApplicationHistory",
    "Standing",
    "allowed",
    "find",
    "history",
    "page",
    "possible",
    "standing",
]


@dataclass(frozen=True, slots=True)
class Standing:
    """How an application stands with its clock; without a running clock the first two are None.

    `rests_on_notice` is False while the State Council's notice for the last day is not known.
    """

    due_at: datetime | None
    remaining_working_days: int | None
    breached: bool
    rests_on_notice: bool


async def find(session: ReadSession, principal: Principal, application_id: str) -> Application:
    """Raise NotFound unless the caller is a party, the authority or an auditor."""
    application = await moving.get(session, Application, application_id)
    require_visible(principal, application)
    return application


async def history(session: ReadSession, application_id: str) -> Sequence[ApplicationHistory]:
    return await store.history(session, application_id)


async def page(
    session: ReadSession,
    principal: Principal,
    request: PageRequest,
    *,
    now: datetime,
    side: Side | None = None,
    status: State | None = None,
    overdue: bool | None = None,
) -> Page[Application]:
    """Return the caller's applications, those of one side when it is named."""
    seen = seen_sides(principal, side)
    return await store.page(session, seen, status, overdue, now, request)


def standing(application: Application, now: datetime) -> Standing:
    due_at, state = application.due_at, State(application.status)
    if due_at is None:
        return Standing(None, None, breached=False, rests_on_notice=True)
    late = application.breached_at is not None
    known = deadlines.rests_on_notice(due_at, application.due_calendar)
    if state in AWAITING_REPLY:
        late = late or deadlines.is_breached(due_at, now)
        remaining = deadlines.remaining_working_days(due_at, now)
        return Standing(due_at, remaining, late, known)
    if application.held_days is not None:
        return Standing(None, application.held_days, late, rests_on_notice=True)
    late = late or deadlines.is_breached(due_at, now, application.decided_at)
    return Standing(due_at, None, late, known)


def possible(application: Application) -> Sequence[Action]:
    """Return what may be done with it now, by whoever has the role."""
    return actions(State(application.status), supplement_used=application.supplement_used)


def allowed(principal: Principal, application: Application) -> list[Action]:
    """Return what the caller may do with it now."""
    return [a for a in possible(application) if may(principal, application, ALLOWED_ROLES[a])]
