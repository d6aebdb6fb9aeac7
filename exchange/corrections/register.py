"""Reading corrections: one, its history, lists and figures of what the caller may see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from auth.principal import Principal, Role
from exchange import parties
from exchange import store as moving
from exchange.corrections import store
from exchange.corrections.states import ALLOWED_ROLES, Action, State, actions
from exchange.corrections.store import CLIENT, Criteria
from exchange.corrections.tables import Correction, CorrectionHistory
from exchange.delivery import correction_marks
from exchange.parties import Side, oversees
from exchange.subscriptions.register import Subscription, seen_sides
from kernel.database import ReadSession
from kernel.errors import NotFound
from kernel.paging import Page, PageRequest

__all__ = ["Correction", "CorrectionHistory", "Criteria", "Sight", "find", "page"]


@dataclass(frozen=True, slots=True)
class Sight:
    """What the caller may see of a correction beside its course.

    Provider and consumer know the key, each their own; how many received the value is the
    provider's and the authority's to know.
    """

    key: str | None
    with_values: bool
    affected: int | None


async def find(session: ReadSession, principal: Principal, correction_id: str) -> Correction:
    """Raise NotFound unless the caller is a party, its client, the authority or an auditor."""
    row = await moving.get(session, Correction, correction_id)
    if principal.kind == "client":
        if row.client_id != principal.id:
            raise NotFound
    else:
        parties.require_visible(principal, row)
    return row


async def history(session: ReadSession, correction_id: str) -> Sequence[CorrectionHistory]:
    return await store.history(session, correction_id)


async def page(
    session: ReadSession,
    principal: Principal,
    request: PageRequest,
    criteria: Criteria,
    *,
    now: datetime,
    side: Side | None = None,
) -> Page[Correction]:
    """Return the caller's corrections, those of one side when it is named; RoleRequired."""
    if principal.kind == "client":
        sides = {CLIENT: principal.id}
    else:
        sides = {str(each): key for each, key in seen_sides(principal, side).items()}
    return await store.page(session, sides, criteria, now, request)


async def sights(
    session: ReadSession, principal: Principal, rows: Sequence[Correction]
) -> Mapping[str, Sight]:
    """Return what the caller may see of each, by id, with one query for all."""
    counts = await correction_marks.count(session, [row.id for row in rows]) if rows else {}
    return {row.id: _sight(principal, row, counts.get(row.id, 0)) for row in rows}


def _sight(principal: Principal, row: Correction, affected: int) -> Sight:
    held = parties.sides(principal, row)
    provides = Side.PROVIDER in held
    consumes = Side.CONSUMER in held
    key: str | None = None
    if provides:
        key = None if row.record_key is None else row.record_key.decode(errors="replace")
    elif consumes:
        key = row.key
    knows = provides or Side.AUTHORITY in held or parties.audits(principal, row)
    fixed = row.fixed_at is not None
    return Sight(key, provides or consumes, affected if knows and fixed else None)


async def affected(
    session: ReadSession, principal: Principal, row: Correction
) -> Sequence[Subscription] | None:
    """Return who received the disputed value, to the authority and its auditors; None to others."""
    if not (Side.AUTHORITY in parties.sides(principal, row) or parties.audits(principal, row)):
        return None
    ids = await correction_marks.marked(session, row.id)
    return await moving.several(session, Subscription, list(ids))


def possible(row: Correction) -> Sequence[Action]:
    """Return what may be done with it now, by whoever has the role."""
    return actions(State(row.status), reopened=row.reopened_at is not None)


def allowed(principal: Principal, row: Correction) -> list[Action]:
    """Return what the caller may do with it now."""
    if principal.kind == "client":
        own = row.client_id == principal.id
        return [each for each in possible(row) if own and Side.CONSUMER in ALLOWED_ROLES[each]]
    return [each for each in possible(row) if parties.may(principal, row, ALLOWED_ROLES[each])]


async def statistics(
    session: ReadSession, principal: Principal, since: datetime, until: datetime
) -> Sequence[Mapping[str, Any]]:
    """Return figures by provider and element: the own department's, and those of the division."""
    audits = Role.AUDITOR in principal.roles
    division = principal.region_code if oversees(principal) or audits else None
    return await store.statistics(session, principal.department, division, since, until)
