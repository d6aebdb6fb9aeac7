"""`/v1/subscriptions`: what was granted, and its supervision (`api.md` section 4)."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, TypeAlias

from fastapi import APIRouter, Depends, Query, Response

from auth.principal import Principal
from exchange.announcements import register as announcements
from exchange.announcements.states import ALLOWED_ROLES as ALLOWED_ANSWERS
from exchange.applications.deadlines import rests_on_notice
from exchange.delivery.masks import masks_held
from exchange.delivery.positions import Progress
from exchange.parties import Permitted, Side
from exchange.subscriptions import register, supervision
from exchange.subscriptions.register import Subscription
from exchange.subscriptions.states import ALLOWED_ROLES, FILING, FILING_ROLES, Action, State
from gateway import names
from gateway.api.announcements import AnswerView, answer_view
from gateway.api.registry import Contractor
from gateway.api.sharing import ConditionWire, HistoryView, Line, Prose, history_views
from gateway.lists import ListOf, Paging, weak_tag
from gateway.next_steps import NextStep, by_side
from gateway.once import Keyed
from gateway.principal import ApplicationsWriter, CatalogReader
from gateway.services import Services, Using
from kernel import clock
from kernel.database import ReadSession, WriteSession
from kernel.wire import Day, Wire

router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"])

PERMITTED: Mapping[Any, Permitted] = {**ALLOWED_ROLES, FILING: FILING_ROLES, **ALLOWED_ANSWERS}


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
    resource_name: str | None
    resource_version: int
    client_id: str
    client_name: str | None
    operated_by: Contractor | None = None
    consumer_department: str
    consumer_name: str | None
    provider_department: str
    provider_name: str | None
    region_code: str
    items: list[str]
    masks: dict[str, dict[str, Any]]
    unmasked: list[str]
    row_filter: list[ConditionWire]
    mode: str
    detail: bool
    ledger: bool
    editions: dict[str, str]
    return_flow: bool
    records_per_day: int | None
    used_today: int
    valid_from: Day | None
    valid_until: Day
    usage_due_on: Day | None
    suspended_by: Side | None
    suspend_reason: str | None
    remedy_by: Day | None
    filing: str | None
    ended_at: datetime | None
    end_reason: str | None
    stopped: StoppedView | None
    deliver_by: datetime
    deliver_by_on: Day
    deliver_by_rests_on_notice: bool
    delivered_at: datetime | None
    delivery_breached_at: datetime | None
    position: str | None
    lag: int | None
    created_at: datetime
    revision: int
    allowed: list[Action]
    next: list[NextStep]


class SubscriptionDetail(SubscriptionView):
    """`announced` is a version yet to come that takes something from this subscription."""

    announced: AnswerView | None
    history: list[HistoryView]


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
    places = {"position", "position_at", "position_topic", "position_told"}
    own = subscription.model_dump(exclude={"elements", *places, *bases})
    return own | {
        "masks": masks,
        "status": register.status_at(subscription, now),
        "position": progress.position,
        "lag": progress.lag,
        "used_today": progress.used_today,
        "deliver_by_on": names.last_day(subscription.deliver_by),
        "deliver_by_rests_on_notice": rests_on_notice(
            subscription.deliver_by, subscription.deliver_calendar
        ),
        "stopped": progress.stopped,
        "allowed": register.allowed(principal, subscription, now),
        "next": by_side(register.possible(subscription, now), ALLOWED_ROLES),
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
    told = facts(subscription, principal, now, progress[own], held[own])
    await names.add(session, [told])
    await names.add_operators(session, [told])
    return told


@router.get("")
async def page(
    principal: CatalogReader,
    using: Using,
    paging: Paging,
    role: Annotated[Side | None, Query()] = None,
    status: Annotated[State | None, Query()] = None,
    client_id: Annotated[str | None, Query(max_length=64)] = None,
    resource_id: Annotated[str | None, Query(max_length=64)] = None,
) -> ListOf[SubscriptionView]:
    """List what the caller's department uses, provides, or oversees."""
    now = clock.now()
    async with using.database.reading() as session:
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
        views = [facts(row, principal, now, progress[row.id], held[row.id]) for row in found.items]
        await names.add(session, views)
        await names.add_operators(session, views)
    lags = await using.bus.positions.lags(found.items)
    items = [SubscriptionView.model_validate(view | {"lag": lags[view["id"]]}) for view in views]
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/{subscription_id}")
async def find(
    subscription_id: str, principal: CatalogReader, using: Using, response: Response
) -> SubscriptionDetail:
    """一项共享授权 / one subscription, with its terms and state."""
    now = clock.now()
    async with using.database.reading() as session:
        row = await register.find(session, principal, subscription_id)
        steps = await register.history(session, subscription_id)
        told = await detailed(using, session, row, principal, now)
        known = await announcements.of_subscription(session, row, now=now)
        told["announced"] = await answer_view(session, known)
        told["history"] = await history_views(session, principal, steps, PERMITTED)
    weak_tag(response, row.revision)
    return SubscriptionDetail.model_validate(await with_lag(using, row, told))


Act: TypeAlias = Callable[[WriteSession], Awaitable[Subscription]]


class Stepping:
    """Does a transition and answers with the subscription, again to its Idempotency-Key."""

    def __init__(
        self, principal: ApplicationsWriter, using: Using, response: Response, key: Keyed
    ) -> None:
        self._principal, self._using, self._response = principal, using, response
        self._key = key

    async def __call__(self, act: Act) -> SubscriptionView:
        """Only when it is decided and committed is the broker asked for the lag."""
        now = clock.now()
        async with self._using.database.transaction() as session:
            once = await self._key.claimed(session)
            moved = await act(session)
            told = await detailed(self._using, session, moved, self._principal, now)
            weak_tag(self._response, moved.revision)
            await once.keep(SubscriptionView.model_validate(told))
        return SubscriptionView.model_validate(await with_lag(self._using, moved, told))


Step = Annotated[Stepping, Depends()]


@router.post("/{subscription_id}/suspend")
async def suspend(
    subscription_id: str, body: Suspension, principal: ApplicationsWriter, step: Step
) -> SubscriptionView:
    """The provider's head or the authority stops delivery and sets a deadline (Art 27)."""
    said, now = body.model_dump(), clock.now()
    return await step(
        lambda session: supervision.suspend(session, principal, subscription_id, **said, now=now)
    )


@router.post("/{subscription_id}/resume")
async def resume(
    subscription_id: str, principal: ApplicationsWriter, step: Step
) -> SubscriptionView:
    """恢复已暂停的授权 / resume a suspended subscription."""
    now = clock.now()
    return await step(
        lambda session: supervision.resume(session, principal, subscription_id, now=now)
    )


@router.post("/{subscription_id}/terminate")
async def terminate(
    subscription_id: str, body: Termination, principal: ApplicationsWriter, step: Step
) -> SubscriptionView:
    """The consumer any time; the authority; the provider after the authority's filing."""
    said, now = body.model_dump(), clock.now()
    return await step(
        lambda session: supervision.terminate(session, principal, subscription_id, **said, now=now)
    )


@router.post("/{subscription_id}/file-termination")
async def file_termination(
    subscription_id: str, body: Filing, principal: ApplicationsWriter, step: Step
) -> SubscriptionView:
    """The authority files (备案) that the provider may terminate (Art 27)."""
    said, now = body.model_dump(), clock.now()
    return await step(
        lambda session: supervision.file_termination(
            session, principal, subscription_id, **said, now=now
        )
    )
