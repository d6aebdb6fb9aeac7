"""`/v1/delegations`: one department lets another act for it (Order 809 Art 36)."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from auth.delegations import register
from auth.delegations.register import Delegation, Terms
from auth.delegations.states import ALLOWED_ROLES, Action, Power, State, actions
from auth.principal import Principal, Role, Scope
from gateway import names
from gateway.api.sharing import Id
from gateway.lists import ListOf, Paging, tag
from gateway.names import Fields
from gateway.next_steps import NextStep, by_side
from gateway.once import Acting, Once, creating
from gateway.principal import ApplicationsWriter, CatalogReader
from gateway.services import Reading, Writing
from kernel import clock
from kernel.database import ReadSession
from kernel.wire import Day, Wire
from kernel.workdays import local_date

router = APIRouter(prefix="/v1/delegations", tags=["delegations"])

PEOPLE = ("proposed_by", "consented_by", "ended_by")


class DelegationIn(Wire):
    """Both days are inclusive; `to` is the department that acts for the caller's."""

    to: Id
    powers: Annotated[list[Power], Field(min_length=1, max_length=len(Power))]
    from_: Annotated[Day, Field(alias="from")]
    until: Day

    def terms(self) -> Terms:
        return Terms(to=self.to, powers=self.powers, from_=self.from_, until=self.until)


class DelegationView(Wire):
    """`department` is acted for by `to`; people are named to their own department."""

    id: str
    status: State
    department: str
    department_name: str | None
    to: str
    to_name: str | None
    powers: list[Power]
    from_: Annotated[date, Field(serialization_alias="from")]
    until: date
    proposed_by: str | None
    proposed_by_name: str | None
    proposed_at: datetime
    consented_by: str | None
    consented_by_name: str | None
    consented_at: datetime | None
    ended_by: str | None
    ended_by_name: str | None
    ended_at: datetime | None
    revision: int
    allowed: list[Action]
    next: list[NextStep]


Creating = Annotated[Once, Depends(creating(Scope.APPLICATIONS_WRITE, Role.HEAD))]


@router.post("", status_code=201)
async def propose(
    body: DelegationIn,
    once: Creating,
    session: Writing,
    principal: ApplicationsWriter,
    response: Response,
) -> DelegationView:
    """负责人委托其他部门代为办理 / a head lets another department act for its own."""
    row = await register.propose(session, principal, body.terms(), now=clock.now())
    return await once.keep(await _view(session, principal, row, response))


@router.get("")
async def page(
    session: Reading, principal: CatalogReader, paging: Paging
) -> ListOf[DelegationView]:
    """本部门委托和受托的 / what the department has delegated, and does for others."""
    found = await register.page(session, principal, paging)
    items = await _views(session, principal, found.items)
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/{delegation_id}")
async def find(
    delegation_id: str, session: Reading, principal: CatalogReader, response: Response
) -> DelegationView:
    """一项委托 / one delegation."""
    row = await register.find(session, principal, delegation_id)
    return await _view(session, principal, row, response)


@router.post("/{delegation_id}/consent")
async def consent(
    delegation_id: str,
    session: Writing,
    principal: ApplicationsWriter,
    response: Response,
    once: Acting,
) -> DelegationView:
    """受托部门负责人同意 / the delegate's head agrees."""
    moved = await register.consent(session, principal, delegation_id, now=clock.now())
    return await once.keep(await _view(session, principal, moved, response))


@router.post("/{delegation_id}/end")
async def end(
    delegation_id: str,
    session: Writing,
    principal: ApplicationsWriter,
    response: Response,
    once: Acting,
) -> DelegationView:
    """任一方负责人终止 / either head ends it, at once."""
    moved = await register.end(session, principal, delegation_id, now=clock.now())
    return await once.keep(await _view(session, principal, moved, response))


async def _view(
    session: ReadSession, principal: Principal, row: Delegation, response: Response
) -> DelegationView:
    tag(response, row.revision)
    return (await _views(session, principal, [row]))[0]


async def _views(
    session: ReadSession, principal: Principal, rows: Sequence[Delegation]
) -> list[DelegationView]:
    today = local_date(clock.now())
    views: list[Fields] = [row.model_dump() for row in rows]
    for row, view in zip(rows, views, strict=True):
        state = register.state_of(row, today)
        view.update({"status": state, "from_": row.valid_from, "until": row.valid_until})
        view["allowed"] = register.allowed(principal, row, today)
        view["next"] = by_side(actions(state), ALLOWED_ROLES)
    await names.add(session, views)
    await names.add_people(session, principal, views, PEOPLE, lambda *_: "head")
    for view in views:
        view["to"], view["to_name"] = view["delegate"], view["delegate_name"]
    known = DelegationView.model_fields
    return [DelegationView.model_validate({name: view[name] for name in known}) for view in views]
