"""`/v1/subscriptions`: what was granted, and its supervision (`api.md` section 4)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from auth.principal import Principal
from exchange.applications.deadlines import rests_on_notice
from exchange.delivery.masks import masks_held
from exchange.delivery.positions import Progress
from exchange.parties import Side
from exchange.subscriptions import register, supervision
from exchange.subscriptions.register import Subscription
from exchange.subscriptions.states import Action, State
from gateway.api.sharing import ConditionWire, HistoryView, Line, Prose, history_view
from gateway.lists import ListOf, Paging, weak_tag
from gateway.principal import ApplicationsWriter, CatalogReader
from gateway.services import Reading, Services, Using
from kernel import clock
from kernel.database import ReadSession
from kernel.wire import Day, Wire

router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"])


class Suspension(Wire):
    reason: Prose
    remedy_by: Day


class Termination(Wire):
    reason: Prose


class Filing(Wire):
    """备案 of a termination by the provider, under its reference number (Art 27)."""

    reference: Line


class StoppedView(Wire):
    """`last_byte_ms` after `at` the last byte left, on the slowest worker; null until all told."""

    at: datetime
    last_byte_ms: int | None


class SubscriptionView(Wire):
    id: str
    status: State
    application_id: str
    resource_id: str
    resource_version: int
    client_id: str
    consumer_department: str
    provider_department: str
    region_code: str
    items: list[str]
    masks: dict[str, dict[str, Any]]
    unmasked: list[str]
    row_filter: list[ConditionWire]
    mode: str
    records_per_day: int | None
    used_today: int
    valid_from: Day | None
    valid_until: Day
    suspended_by: Side | None
    suspend_reason: str | None
    remedy_by: Day | None
    filing: str | None
    ended_at: datetime | None
    end_reason: str | None
    stopped: StoppedView | None
    deliver_by: datetime
    deliver_by_rests_on_notice: bool
    delivered_at: datetime | None
    delivery_breached_at: datetime | None
    position: str | None
    lag: int | None
    created_at: datetime
    revision: int
    allowed: list[Action]


class SubscriptionDetail(SubscriptionView):
    history: list[HistoryView]


async def answered(
    using: Services, subscription: Subscription, told: dict[str, Any]
) -> SubscriptionView:
    """Return the view of what was decided and committed: only then is the broker asked."""
    return SubscriptionView.model_validate(await with_lag(using, subscription, told))


async def with_lag(
    using: Services, subscription: Subscription, told: dict[str, Any]
) -> dict[str, Any]:
    """Add the lag, which the broker tells; no session may be held meanwhile."""
    return told | {"lag": await using.bus.positions.lag(subscription)}


def facts(
    subscription: Subscription,
    principal: Principal,
    now: datetime,
    progress: Progress,
    masks: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the fields of the view; `masks` are those that hold now."""
    bases = {"deliver_from", "deliver_days", "deliver_calendar"}
    places = {"position", "position_at", "position_topic"}
    own = subscription.model_dump(exclude={"elements", *places, *bases})
    return own | {
        "masks": masks,
        "status": register.status_at(subscription, now),
        "position": progress.position,
        "lag": progress.lag,
        "used_today": progress.used_today,
        "deliver_by_rests_on_notice": rests_on_notice(
            subscription.deliver_by, subscription.deliver_calendar
        ),
        "stopped": progress.stopped,
        "allowed": register.allowed(principal, subscription, now),
    }


async def detailed(
    using: Services,
    session: ReadSession,
    subscription: Subscription,
    principal: Principal,
    now: datetime,
) -> dict[str, Any]:
    """Return the fields of one subscription's view, without its lag."""
    held = await masks_held(session, [subscription])
    progress = await using.bus.positions.progress(session, [subscription])
    own = subscription.id
    return facts(subscription, principal, now, progress[own], held[own])


@router.get("")
async def page(  # noqa: PLR0913 - a filter is a parameter
    principal: CatalogReader,
    session: Reading,
    using: Using,
    paging: Paging,
    role: Annotated[Side | None, Query()] = None,
    status: Annotated[State | None, Query()] = None,
    client_id: Annotated[str | None, Query(max_length=64)] = None,
    resource_id: Annotated[str | None, Query(max_length=64)] = None,
) -> ListOf[SubscriptionView]:
    """List what the caller's department uses, provides, or oversees."""
    now = clock.now()
    found = await register.page(
        session,
        principal,
        paging,
        now=now,
        side=role,
        status=status,
        client_id=client_id,
        resource_id=resource_id,
    )
    progress = await using.bus.positions.progress(session, found.items)
    held = await masks_held(session, found.items)
    items = [
        SubscriptionView.model_validate(facts(row, principal, now, progress[row.id], held[row.id]))
        for row in found.items
    ]
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/{subscription_id}")
async def find(
    subscription_id: str, principal: CatalogReader, using: Using, response: Response
) -> SubscriptionDetail:
    now = clock.now()
    async with using.database.reading() as session:
        row = await register.find(session, principal, subscription_id)
        steps = await register.history(session, subscription_id)
        told = await detailed(using, session, row, principal, now)
    weak_tag(response, row.revision)
    shown = await with_lag(using, row, told)
    return SubscriptionDetail.model_validate(shown | {"history": [history_view(s) for s in steps]})


@router.post("/{subscription_id}/suspend")
async def suspend(
    subscription_id: str,
    body: Suspension,
    principal: ApplicationsWriter,
    using: Using,
) -> SubscriptionView:
    """The provider's head or the authority stops delivery and sets a deadline (Art 27)."""
    now = clock.now()
    async with using.database.transaction() as session:
        moved = await supervision.suspend(
            session,
            principal,
            subscription_id,
            reason=body.reason,
            remedy_by=body.remedy_by,
            now=now,
        )
        told = await detailed(using, session, moved, principal, now)
    return await answered(using, moved, told)


@router.post("/{subscription_id}/resume")
async def resume(
    subscription_id: str, principal: ApplicationsWriter, using: Using
) -> SubscriptionView:
    now = clock.now()
    async with using.database.transaction() as session:
        moved = await supervision.resume(session, principal, subscription_id, now=now)
        told = await detailed(using, session, moved, principal, now)
    return await answered(using, moved, told)


@router.post("/{subscription_id}/terminate")
async def terminate(
    subscription_id: str,
    body: Termination,
    principal: ApplicationsWriter,
    using: Using,
) -> SubscriptionView:
    """The consumer any time; the authority; the provider after the authority's filing."""
    now = clock.now()
    async with using.database.transaction() as session:
        moved = await supervision.terminate(
            session, principal, subscription_id, reason=body.reason, now=now
        )
        told = await detailed(using, session, moved, principal, now)
    return await answered(using, moved, told)


@router.post("/{subscription_id}/file-termination")
async def file_termination(
    subscription_id: str,
    body: Filing,
    principal: ApplicationsWriter,
    using: Using,
) -> SubscriptionView:
    """The authority files (备案) that the provider may terminate (Art 27)."""
    now = clock.now()
    async with using.database.transaction() as session:
        filed = await supervision.file_termination(
            session, principal, subscription_id, reference=body.reference, now=now
        )
        told = await detailed(using, session, filed, principal, now)
    return await answered(using, filed, told)
