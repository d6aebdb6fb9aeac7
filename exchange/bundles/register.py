"""Reading bundles: one with its lines, and lists of the caller's department."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from auth.principal import Principal
from exchange.applications.states import State
from exchange.applications.tables import Application
from exchange.bundles import states, store
from exchange.bundles.states import ALLOWED_ROLES, Action, Status
from exchange.bundles.store import Line
from exchange.bundles.tables import Bundle, BundleLine
from kernel.database import ReadSession
from kernel.paging import Page, PageRequest

__all__ = ["Bundle", "Summary", "find", "line_status", "lines", "page", "summaries"]


@dataclass(frozen=True, slots=True)
class Summary:
    """How the lines stand together."""

    status: Status
    lines: Mapping[str, int]
    possible: tuple[Action, ...]
    allowed: tuple[Action, ...]


async def find(session: ReadSession, principal: Principal, bundle_id: str) -> Bundle:
    """Raise NotFound unless it is the caller's department's."""
    return await store.get(session, bundle_id, principal.department)


async def lines(session: ReadSession, bundle_id: str) -> Sequence[Line]:
    return await store.lines(session, bundle_id)


async def page(
    session: ReadSession,
    principal: Principal,
    request: PageRequest,
    *,
    status: Status | None = None,
) -> Page[Bundle]:
    open_ = None if status is None else status is Status.OPEN
    return await store.page(session, principal.department, request, open_=open_)


async def summaries(
    session: ReadSession, principal: Principal, bundles: Sequence[Bundle]
) -> Mapping[str, Summary]:
    """Return how each bundle stands, by id, with one query for all."""
    by_bundle = await store.statuses(session, [bundle.id for bundle in bundles])
    return {bundle_id: _summary(principal, rows) for bundle_id, rows in by_bundle.items()}


def line_status(line: BundleLine, application: Application) -> str:
    return states.line_status(State(application.status), refused=line.problem is not None)


def _summary(principal: Principal, rows: Sequence[tuple[str, bool]]) -> Summary:
    told = [states.line_status(State(status), refused=refused) for status, refused in rows]
    possible = states.actions(told)
    mine = tuple(
        action for action in possible if not principal.roles.isdisjoint(ALLOWED_ROLES[action])
    )
    counts = {each: told.count(each) for each in sorted(set(told))}
    return Summary(states.status(told), counts, possible, mine)
