"""The consumer's steps: draft, sign, supplement, withdraw (Order 809 Art 20)."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from auth.duties import require_other_eyes
from auth.principal import Principal, Role
from catalog.entries import ShareType
from exchange import store as moving
from exchange.applications import amending, content, deadlines, editions, returning, store
from exchange.applications.agreement import agree_beforehand
from exchange.applications.content import Content, require_fixed
from exchange.applications.deadlines import Limits, Term
from exchange.applications.moves import begin, carry
from exchange.applications.offers import Offer, Offers
from exchange.applications.states import Action, State, actions
from exchange.applications.tables import Application
from exchange.events import ExchangeEvent
from exchange.parties import Side, authorize
from exchange.subscriptions import conditions
from exchange.subscriptions.conditions import Condition
from exchange.subscriptions.granting import hold_resource
from exchange.subscriptions.tables import Subscription
from kernel import audit
from kernel.database import ReadSession, WriteSession
from kernel.errors import IllegalTransition, Stale
from kernel.ids import new_id
from kernel.workdays import local_date

CLERK_OF_CONSUMER = {Side.CONSUMER: frozenset({Role.CLERK})}


async def create(
    session: WriteSession,
    principal: Principal,
    resource_id: str,
    asked: Content,
    *,
    now: datetime,
) -> Application:
    """Write a draft for an application system of the clerk's department.

    Raises NotFound, Conflict (`resource_not_published`, `not_shareable`) or Invalid.
    """
    principal.require_role(Role.CLERK)
    offers = Offers(session, principal)
    offer = await offers.of(resource_id)
    await check(offers, asked, offer, now)
    application = drafted(principal, asked, offer, now=now)
    session.add(application)
    await session.flush()
    record_created(session, principal, application, now=now)
    return application


def drafted(principal: Principal, asked: Content, offer: Offer, *, now: datetime) -> Application:
    """Return the row of a draft that was checked."""
    return Application(
        id=new_id(),
        consumer_department=principal.department,
        provider_department=offer.department,
        region_code=offer.region_code,
        resource_id=offer.resource_id,
        resource_version=offer.version,
        status=State.DRAFT,
        created_by=principal.id,
        created_at=now,
        **asked.columns(),
    )


def record_created(
    session: WriteSession,
    principal: Principal,
    application: Application,
    *,
    now: datetime,
    **more: str,
) -> None:
    """Write history and audit of a draft that is in the database."""
    facts = {
        "resource_id": application.resource_id,
        "client_id": application.client_id,
        "items": application.items,
        **more,
    }
    _record(session, principal, application, "create", (None, State.DRAFT), now=now, **facts)


async def change(
    session: WriteSession,
    principal: Principal,
    application_id: str,
    changes: Mapping[str, Any],
    *,
    revision: int | None,
    now: datetime,
) -> Application:
    """Rewrite fields of a draft; raises Stale when somebody else did meanwhile."""
    application = await moving.lock(session, Application, application_id)
    authorize(principal, application, CLERK_OF_CONSUMER)
    if revision not in (None, application.revision):
        raise Stale
    require_draft(application)
    columns = await _rewritten(session, principal, application, changes, now)
    changed = await moving.move(session, application, State.DRAFT, columns)
    step = (State.DRAFT, State.DRAFT)
    _record(session, principal, changed, "change", step, now=now, fields=sorted(changes))
    return changed


def require_draft(application: Application) -> None:
    """Raise IllegalTransition for what is no draft."""
    if application.status != State.DRAFT:
        possible = actions(State(application.status), supplement_used=application.supplement_used)
        raise IllegalTransition(state=application.status, allowed=list(possible))


async def sign(
    session: WriteSession,
    principal: Principal,
    application_id: str,
    *,
    limits: Limits = deadlines.LEGAL,
    now: datetime,
    four_eyes: bool = False,
) -> Application:
    """Submit with the head's consent: C3 or C4 starts, or the standing consent answers at once.

    With `four_eyes` somebody else than who drafted it must do so: FourEyes.
    """
    application = await begin(session, principal, application_id, Action.SIGN)
    if four_eyes:
        drafted = await store.history(session, application_id)
        require_other_eyes(principal, {row.actor_id for row in drafted})
    await hold_resource(session, application.resource_id)
    offers = Offers(session, principal)
    offer = await offers.of(application.resource_id)
    asked = content_of(application)
    kept = await kept_by(session, application, asked)
    await check(offers, asked, offer, now, kept=kept)
    return await submit(session, principal, application, offer, limits=limits, now=now)


async def submit(
    session: WriteSession,
    principal: Principal,
    application: Application,
    offer: Offer,
    *,
    limits: Limits,
    now: datetime,
) -> Application:
    """Hand a draft that was checked to the provider; its resource is held."""
    received = received_by(offer, now, limits, return_flow=application.return_flow)
    signed = await carry(
        session,
        principal.actor,
        application,
        Action.SIGN,
        received,
        now=now,
        due=str(received["due_at"]),
    )
    return await agree_beforehand(session, signed, offer, limits, now=now)


async def supplement(
    session: WriteSession,
    principal: Principal,
    application_id: str,
    changes: Mapping[str, Any],
    *,
    now: datetime,
) -> Application:
    """Hand in what was missing; the clock goes on with the days that were left."""
    application = await begin(session, principal, application_id, Action.SUPPLEMENT)
    columns = await _rewritten(session, principal, application, changes, now)
    if application.held_days is not None:
        columns |= Term(local_date(now), application.held_days).columns()
    columns["held_days"] = None
    return await carry(
        session,
        principal.actor,
        application,
        Action.SUPPLEMENT,
        columns,
        now=now,
        fields=sorted(changes),
    )


async def withdraw(
    session: WriteSession,
    principal: Principal,
    application_id: str,
    *,
    reason: str | None = None,
    now: datetime,
) -> Application:
    application = await begin(session, principal, application_id, Action.WITHDRAW)
    return await take_back(session, principal, application, reason=reason, now=now)


async def take_back(
    session: WriteSession,
    principal: Principal,
    application: Application,
    *,
    reason: str | None,
    now: datetime,
) -> Application:
    """Withdraw an application that is locked."""
    changes = {"decided_at": now, "decided_by": principal.id, "decision": {"reason": reason}}
    return await carry(
        session, principal.actor, application, Action.WITHDRAW, changes, now=now, reason=reason
    )


def received_by(
    offer: Offer, now: datetime, limits: Limits, *, return_flow: bool = False
) -> dict[str, Any]:
    """Return what receipt by the provider writes: which clock runs, and until when.

    A return flow has no conditions, whatever the entry has.
    """
    clock = deadlines.clock_for(ShareType.UNCONDITIONAL if return_flow else offer.share_type)
    return {
        "clock": clock,
        "submitted_at": now,
        **deadlines.reply_term(clock, now, limits).columns(),
        "resource_version": offer.version,
    }


async def granted_content(session: ReadSession, subscription: Subscription) -> Content:
    """Return what is granted, as an application would ask for it."""
    first = await moving.get(session, Application, subscription.application_id)
    return Content(
        client_id=subscription.client_id,
        items=tuple(subscription.items),
        mode=subscription.mode,
        basis=first.basis,
        scenario=first.scenario,
        scope=first.scope,
        valid_until=subscription.valid_until,
        commitment=True,
        row_filter=conditions.from_json(subscription.row_filter),
        records_per_day=subscription.records_per_day,
        editions=subscription.editions,
        return_flow=subscription.return_flow,
    )


async def first_client(session: ReadSession, subscription: Subscription) -> str:
    """Return the system that the subscription was made for."""
    return (await moving.get(session, Application, subscription.application_id)).client_id


async def kept_by(
    session: ReadSession, application: Application, asked: Content
) -> tuple[Condition, ...]:
    """Return the conditions of the grant that goes on by an application, () for a new one.

    Raises Invalid where what is asked for cannot go on.
    """
    if application.continues is None:
        return ()
    subscription = await moving.get(session, Subscription, application.continues)
    granted = await granted_content(session, subscription)
    amending.check(asked, granted, await first_client(session, subscription))
    return granted.row_filter


def content_of(application: Application) -> Content:
    return Content(
        client_id=application.client_id,
        items=tuple(application.items),
        mode=application.mode,
        basis=application.basis,
        scenario=application.scenario,
        scope=application.scope,
        valid_until=application.valid_until,
        commitment=application.commitment,
        valid_from=application.valid_from,
        row_filter=conditions.from_json(application.row_filter),
        records_per_day=application.records_per_day,
        editions=application.editions,
        return_flow=application.return_flow,
    )


async def _rewritten(
    session: WriteSession,
    principal: Principal,
    application: Application,
    changes: Mapping[str, Any],
    now: datetime,
) -> dict[str, Any]:
    offers = Offers(session, principal)
    offer = await offers.of(application.resource_id)
    present = content_of(application)
    asked = replace(present, **changes)
    if application.continues:
        require_fixed(asked, present, renewal=application.renews is not None)
    kept = await kept_by(session, application, asked)
    await check(offers, asked, offer, now, kept=kept)
    return asked.columns() | {"resource_version": offer.version}


async def check(
    offers: Offers,
    asked: Content,
    offer: Offer,
    now: datetime,
    *,
    kept: Collection[Condition] = (),
) -> None:
    """Raise NotFound, Conflict or Invalid for what could not be an application.

    Conditions that are `kept` are those of a grant that goes on.
    """
    await offers.require_own_client(asked.client_id)
    content.check(
        asked,
        fields=offer.fields,
        masked=offer.masks,
        modes=offer.modes,
        today=local_date(now),
        kept=kept,
    )
    await editions.check(offers.session, asked, offer)
    await returning.check(offers.session, offers.principal, asked, offer)


def _record(
    session: WriteSession,
    principal: Principal,
    application: Application,
    action: str,
    step: tuple[str | None, str],
    *,
    now: datetime,
    **facts: Any,  # noqa: ANN401 - facts of any JSON kind
) -> None:
    created = step[0] is None
    event = ExchangeEvent.APPLICATION_CREATED if created else ExchangeEvent.APPLICATION_CHANGED
    store.add_history(session, application.id, action, step, principal.actor, now, facts)
    audit.record(session, principal.actor, event, "application", application.id, **facts)
