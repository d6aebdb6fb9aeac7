"""`…/usage-records` and `…/disposal` of a subscription (Order 809 Art 27, 29; section 4)."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import Field

from auth.directory import Member
from auth.principal import Principal, Role, Scope
from exchange.applications.deadlines import is_breached, remaining_working_days
from exchange.disposals import disposal
from exchange.disposals.disposal import Standing
from exchange.disposals.states import ALLOWED_ROLES, Action, State
from exchange.usage import records
from exchange.usage.records import Usage
from gateway import names
from gateway.api.sharing import Prose, Remark, reason_of
from gateway.lists import ListOf, Paging
from gateway.next_steps import NextStep, by_side
from gateway.once import Acting, Once, creating
from gateway.principal import ApplicationsWriter, CatalogReader
from gateway.services import Reading, Using, Writing
from kernel import clock
from kernel.database import ReadSession
from kernel.wire import Day, Wire

router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"])

Creating = Annotated[Once, Depends(creating(Scope.APPLICATIONS_WRITE, Role.HEAD))]
Period = Annotated[list[Day], Field(min_length=2, max_length=2)]


class UsageIn(Wire):
    """`period` is the first and the last day."""

    period: Period
    scenario: Prose
    process: Prose
    effect: Prose
    storage: Prose
    destroyed: Prose | None = None

    def usage(self) -> Usage:
        first, last = self.period
        said = self.model_dump(exclude={"period"})
        return Usage(period_from=first, period_to=last, **said)


class UsageView(Wire):
    id: str
    subscription_id: str
    period: Period
    scenario: str
    process: str
    effect: str
    storage: str
    destroyed: str | None
    recorded_by: str | None
    recorded_by_name: str | None
    recorded_by_role: str | None
    recorded_by_department: str | None
    recorded_by_department_name: str | None
    recorded_at: datetime


class DisposalIn(Wire):
    method: Prose
    done_on: Day
    note: Prose | None = None


class DisposalView(Wire):
    """`due` while nothing was reported; the clock runs until a report is there."""

    subscription_id: str
    status: State
    due_at: datetime
    due_on: Day | None
    remaining_working_days: int | None
    overdue: bool
    method: str | None
    done_on: Day | None
    note: str | None
    reported_at: datetime | None
    answered_at: datetime | None
    answer_reason: str | None
    allowed: list[Action]
    next: list[NextStep]


@router.post("/{subscription_id}/usage-records", status_code=201)
async def record(
    subscription_id: str,
    body: UsageIn,
    principal: ApplicationsWriter,
    session: Writing,
    once: Creating,
) -> UsageView:
    """The consumer's head keeps how the data were used, stored and destroyed (Art 29)."""
    row = await records.record(session, principal, subscription_id, body.usage(), now=clock.now())
    return await once.keep((await _usage(session, principal, [row]))[0])


@router.get("/{subscription_id}/usage-records")
async def usage_records(
    subscription_id: str, principal: CatalogReader, session: Reading, paging: Paging
) -> ListOf[UsageView]:
    """使用情况记录 / how the data were used, as the consumer stated (Art 29)."""
    found = await records.page(session, principal, subscription_id, paging)
    items = await _usage(session, principal, found.items)
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/{subscription_id}/disposal")
async def find_disposal(
    subscription_id: str, principal: CatalogReader, session: Reading, using: Using
) -> DisposalView:
    """How the disposal stands, once the subscription has ended (409 before)."""
    now, days = clock.now(), using.settings.disposal_days
    found = await disposal.find(session, principal, subscription_id, days=days, now=now)
    return _disposal(found, now)


@router.post("/{subscription_id}/disposal")
async def report_disposal(
    subscription_id: str,
    body: DisposalIn,
    principal: ApplicationsWriter,
    session: Writing,
    using: Using,
    once: Acting,
) -> DisposalView:
    """The consumer's head says how the data were disposed of (Art 27)."""
    now, said = clock.now(), body.model_dump()
    days = using.settings.disposal_days
    moved = await disposal.report(session, principal, subscription_id, **said, days=days, now=now)
    return await once.keep(_disposal(moved, now))


@router.post("/{subscription_id}/disposal/confirm")
async def confirm_disposal(
    subscription_id: str,
    principal: ApplicationsWriter,
    session: Writing,
    using: Using,
    once: Acting,
    body: Remark | None = None,
) -> DisposalView:
    """确认已处置 / confirm that the data are disposed of; by the provider."""
    return await _answer(
        session, principal, subscription_id, Action.CONFIRM, using, once, reason_of(body)
    )


@router.post("/{subscription_id}/disposal/return")
async def return_disposal(
    subscription_id: str,
    principal: ApplicationsWriter,
    session: Writing,
    using: Using,
    once: Acting,
    body: Remark | None = None,
) -> DisposalView:
    """退回处置报告 / return a report of disposal, with a reason; by the provider."""
    return await _answer(
        session, principal, subscription_id, Action.RETURN, using, once, reason_of(body)
    )


async def _answer(
    session: Any,  # noqa: ANN401 - the session of the route
    principal: Principal,
    subscription_id: str,
    action: Action,
    using: Any,  # noqa: ANN401 - the services of the route
    once: Once,
    reason: str | None,
) -> DisposalView:
    now, days = clock.now(), using.settings.disposal_days
    moved = await disposal.answer(
        session, principal, subscription_id, action, reason=reason, days=days, now=now
    )
    return await once.keep(_disposal(moved, now))


def _disposal(standing: Standing, now: datetime) -> DisposalView:
    row = standing.row
    runs = standing.state in (State.DUE, State.RETURNED)
    return DisposalView(
        subscription_id=standing.subscription_id,
        status=standing.state,
        due_at=standing.due_at,
        due_on=names.last_day(standing.due_at),
        remaining_working_days=remaining_working_days(standing.due_at, now) if runs else None,
        overdue=runs and is_breached(standing.due_at, now),
        method=row and row.method,
        done_on=row and row.done_on,
        note=row and row.note,
        reported_at=row and row.reported_at,
        answered_at=row and row.answered_at,
        answer_reason=row and row.answer_reason,
        allowed=list(standing.allowed),
        next=by_side(standing.possible, ALLOWED_ROLES),
    )


async def _usage(
    session: ReadSession,
    principal: Principal,
    rows: Any,  # noqa: ANN401 - rows of the use case
) -> list[UsageView]:
    views = [_period(row.model_dump()) for row in rows]
    await names.add_people(session, principal, views, ("recorded_by",), _head)
    return [UsageView.model_validate(view) for view in views]


def _period(fields: dict[str, Any]) -> dict[str, Any]:
    period: list[date] = [fields.pop("period_from"), fields.pop("period_to")]
    return fields | {"period": period}


def _head(_view: Any, _field: str, _member: Member) -> str:  # noqa: ANN401 - fields of a view
    return "head"
