"""Drafting and submitting demands (Order 809 Art 20)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from auth import duties
from auth.principal import Principal, Role
from auth.regions import checking
from auth.regions.codes import canonical
from exchange.demands import store
from exchange.demands.moves import begin, carry
from exchange.demands.states import Action, State
from exchange.demands.tables import Demand
from exchange.events import ExchangeEvent
from kernel import audit
from kernel.database import WriteSession
from kernel.errors import FieldErrors
from kernel.ids import new_id

EVENT = ExchangeEvent.DEMAND_CREATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for: `items` in words, since no entry has them yet."""

    title: str
    description: str
    items: Sequence[str]
    basis: str
    scenario: str
    region_code: str


async def create(
    session: WriteSession, principal: Principal, wish: Wish, *, now: datetime
) -> Demand:
    """Draft a demand, as a clerk of the department that asks; raises RoleRequired, Invalid."""
    principal.require_role(Role.CLERK)
    _check(wish)
    said = asdict(wish) | {"items": list(wish.items), "region_code": canonical(wish.region_code)}
    demand = Demand(
        id=new_id(),
        status=State.DRAFT,
        department=principal.department,
        created_by=principal.id,
        created_at=now,
        **said,
    )
    session.add(demand)
    await session.flush()
    facts = {"title": wish.title, "region_code": demand.region_code}
    step = (None, State.DRAFT)
    store.add_history(session, demand.id, "create", step, principal.actor, now, facts)
    audit.record(session, principal.actor, EVENT, "demand", demand.id, **facts)
    return demand


def _check(wish: Wish) -> None:
    errors = FieldErrors()
    checking.check(wish.region_code, errors)
    for index, item in enumerate(wish.items):
        if item in wish.items[:index]:
            errors.add(f"items[{index}]", "duplicate", "已经列出", "is listed already")
    errors.raise_if_any()


async def submit(
    session: WriteSession,
    principal: Principal,
    demand_id: str,
    *,
    now: datetime,
    four_eyes: bool,
) -> Demand:
    """Hand a draft to the authority, as the department's head; raises FourEyes."""
    demand = await begin(session, principal, demand_id, Action.SUBMIT)
    if four_eyes:
        duties.require_other_eyes(principal, {demand.created_by})
    changes = {"submitted_by": principal.id, "submitted_at": now}
    return await carry(session, principal.actor, demand, Action.SUBMIT, changes, now=now)
