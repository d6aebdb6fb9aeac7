"""`/v1/departments/{uscc}/merge-into`, `…/move`: departments change, the platform follows."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import StringConstraints

from auth.principal import Principal
from exchange.stewardship import planning
from exchange.stewardship.effects import Effects
from exchange.stewardship.planning import Change, DepartmentChange
from gateway import names
from gateway.api.departments import Uscc
from gateway.api.registry import Prose, Region
from gateway.lists import ListOf, Paging
from gateway.names import Fields
from gateway.once import Acting, Keyed
from gateway.principal import Admin, CatalogReader
from gateway.services import Reading, Writing
from kernel import clock
from kernel.database import ReadSession, WriteSession
from kernel.wire import Day, Wire

router = APIRouter(prefix="/v1/departments", tags=["departments"])

ACCEPTED = 202
ChangeId = Annotated[str, Path(max_length=64, description="变更编号 / id of the change")]
DryRun = Annotated[bool, Query(description="只推演不变更 / tell what would happen, change nothing")]


class MergeIn(Wire):
    """`uscc` is the successor; `on` today or later; `basis` the document that decides it."""

    uscc: Annotated[str, StringConstraints(strip_whitespace=False, min_length=1, max_length=64)]
    on: Day
    basis: Prose


class MoveIn(Wire):
    """`region_code` is the new division; `on` today or later."""

    region_code: Region
    on: Day
    basis: Prose


class CancelIn(Wire):
    reason: Prose


class Listed(Wire):
    """How many there are, and the ids of the first thousand."""

    count: int
    items: list[str]


class SourceOf(Wire):
    """A source or a claim, with the element and the division that it is of."""

    id: str
    element: str
    region_code: str


class ListedSources(Wire):
    """How many there are, and the first thousand."""

    count: int
    items: list[SourceOf]


class LostRole(Wire):
    """A role that a person loses: the same person holds one in the successor that excludes it."""

    person_id: str
    username: str
    role: str


class ListedRoles(Wire):
    """How many there are, and the first thousand."""

    count: int
    items: list[LostRole]


class EffectsView(Wire):
    """What goes over, and what ends; people and systems are counted."""

    entries: Listed
    sources: ListedSources
    sources_ended: ListedSources
    claims: ListedSources
    claims_ended: ListedSources
    subscriptions_as_consumer: Listed
    subscriptions_as_provider: Listed
    subscriptions_ended: Listed
    applications_as_consumer: Listed
    applications_as_provider: Listed
    applications_withdrawn: Listed
    people: int
    clients: int
    roles_lost: ListedRoles


class DepartmentChangeView(Wire):
    """A planned merger or move, or what became of one; `effects` once it is done.

    `problem` says why it failed or was cancelled. A dry run has no id and changes nothing.
    """

    id: str | None
    kind: Literal["merge", "move"]
    department: str
    department_name: str | None
    successor: str | None
    successor_name: str | None
    region_code: str | None
    on: date
    basis: str
    status: Literal["dry_run", "planned", "done", "cancelled", "failed"]
    requested_at: datetime | None
    finished_at: datetime | None
    problem: str | None
    effects: EffectsView | None


async def _views(session: ReadSession, rows: Sequence[Fields]) -> list[DepartmentChangeView]:
    successors: list[Fields] = [
        {"department": row["successor"]} for row in rows if row["successor"]
    ]
    await names.add(session, [*rows, *successors])
    labels = {each["department"]: each["department_name"] for each in successors}
    return [
        DepartmentChangeView.model_validate({**row, "successor_name": labels.get(row["successor"])})
        for row in rows
    ]


def _facts(change: DepartmentChange) -> Fields:
    same = (
        "id", "kind", "department", "successor", "region_code", "basis", "status",
        "requested_at", "finished_at", "problem",
    )  # fmt: skip
    fields: dict[str, Any] = {name: getattr(change, name) for name in same}
    return fields | {"on": change.on_day, "effects": change.outcome}


def _rehearsed(change: Change, effects: Effects) -> Fields:
    unknown = ("id", "requested_at", "finished_at", "problem")
    return {
        **dict.fromkeys(unknown),
        "kind": change.kind,
        "department": change.department,
        "successor": change.successor,
        "region_code": change.region_code,
        "on": change.on,
        "basis": change.basis,
        "status": "dry_run",
        "effects": effects.told(),
    }


async def rehearse(
    session: WriteSession, principal: Principal, change: Change, *, now: datetime
) -> DepartmentChangeView:
    """Return what a change would do today; raises what planning it would raise."""
    effects = await planning.dry_run(session, principal, change, now=now)
    return (await _views(session, [_rehearsed(change, effects)]))[0]


REHEARSED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": DepartmentChangeView, "description": "推演结果 / what a dry run tells"}
}


class Planning:
    """Plans a change, or tells what it would do."""

    def __init__(self, session: Writing, principal: Admin, key: Keyed, response: Response) -> None:
        self._session, self._principal = session, principal
        self._key, self._response = key, response

    async def __call__(self, change: Change, *, dry_run: bool) -> DepartmentChangeView:
        now = clock.now()
        if dry_run:
            self._response.status_code = 200
            return await rehearse(self._session, self._principal, change, now=now)
        once = await self._key.claimed(self._session, ACCEPTED)
        row = await planning.plan(self._session, self._principal, change, now=now)
        return await once.keep((await _views(self._session, [_facts(row)]))[0])


Plan = Annotated[Planning, Depends()]


@router.post("/{uscc}/merge-into", status_code=ACCEPTED, responses=REHEARSED)
async def merge_into(
    uscc: Uscc,
    body: MergeIn,
    plan: Plan,
    dry_run: DryRun = False,  # noqa: FBT002 - a query parameter
) -> DepartmentChangeView:
    """并入另一部门，当日由后台一次完成 / merge into another department, on a day."""
    change = Change(uscc, body.on, body.basis, successor=body.uscc)
    return await plan(change, dry_run=dry_run)


@router.post("/{uscc}/move", status_code=ACCEPTED, responses=REHEARSED)
async def move(
    uscc: Uscc,
    body: MoveIn,
    plan: Plan,
    dry_run: DryRun = False,  # noqa: FBT002 - a query parameter
) -> DepartmentChangeView:
    """调整所属行政区划 / move to another division, on a day."""
    change = Change(uscc, body.on, body.basis, region_code=body.region_code)
    return await plan(change, dry_run=dry_run)


@router.get("/{uscc}/changes")
async def find(
    uscc: Uscc, session: Reading, _: CatalogReader, page: Paging
) -> ListOf[DepartmentChangeView]:
    """计划中和已完成的合并、调整 / mergers and moves of the department, and into it."""
    found = await planning.page(session, uscc, page)
    items = await _views(session, [_facts(row) for row in found.items])
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.post("/{uscc}/changes/{change_id}/cancel")
async def cancel(
    uscc: Uscc,
    change_id: ChangeId,
    body: CancelIn,
    session: Writing,
    principal: Admin,
    once: Acting,
) -> DepartmentChangeView:
    """取消计划 / give a plan up before its day."""
    row = await planning.cancel(
        session, principal, uscc, change_id, reason=body.reason, now=clock.now()
    )
    return await once.keep((await _views(session, [_facts(row)]))[0])
