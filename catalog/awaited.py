"""What of the catalogue waits for the caller: drafts to sign, reviews, claims to decide about."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from auth.principal import Principal, Role
from catalog.states import ALLOWED_ROLES, SOURCE_ROLES, Action, Decision, State
from catalog.store import awaited as store
from kernel.awaited import Awaited
from kernel.database import ReadSession
from kernel.paging import PageRequest

# Of the actions that a state allows, the one by which the thing goes on.
GOES_ON: Final[Mapping[State, Action]] = {
    State.DRAFT: Action.SUBMIT,
    State.SUBMITTED: Action.APPROVE,
    State.APPROVED: Action.PUBLISH,
}


async def tasks(
    session: ReadSession, principal: Principal, request: PageRequest, *, now: datetime
) -> Sequence[Sequence[Awaited]]:
    """Return the first entries, deadlines and claims that wait for the caller."""
    over = principal.region_code if _reviews(principal) else None
    entries = await store.resources(
        session,
        principal.department,
        list(_acts(principal.roles - {Role.AUTHORITY})),
        over,
        list(_acts(principal.roles & {Role.AUTHORITY})),
        returned=Role.CLERK in principal.roles,
        request=request,
    )
    follows = not principal.roles.isdisjoint((Role.CLERK, Role.HEAD))
    department = principal.department if follows else None
    running = await store.deadlines(session, department, over, request, now=now)
    claims = [] if over is None else await store.claims(session, over, request)
    return [entries, running, claims]


def _reviews(principal: Principal) -> bool:
    decides = not principal.roles.isdisjoint(SOURCE_ROLES[Decision.DESIGNATE])
    return principal.is_authority and decides


def _acts(roles: frozenset[Role]) -> Iterator[tuple[State, Action]]:
    return (
        (state, action)
        for state, action in GOES_ON.items()
        if not roles.isdisjoint(ALLOWED_ROLES[action])
    )
