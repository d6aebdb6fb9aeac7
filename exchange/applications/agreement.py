"""Agreeing: the application becomes a subscription in one transaction (Order 809 Art 20–22)."""

from dataclasses import replace
from datetime import datetime

from auth.principal import Principal
from exchange import store as moving
from exchange.applications import amending, deadlines
from exchange.applications.deadlines import Limits, Term
from exchange.applications.moves import begin, carry
from exchange.applications.narrowing import Narrowing, Present, Terms, narrow
from exchange.applications.offers import Offer, offered
from exchange.applications.returning import check_whole
from exchange.applications.states import Action
from exchange.applications.tables import Application
from exchange.modes import FROM_LATEST
from exchange.recalls import store as recalls
from exchange.subscriptions import conditions, ledger
from exchange.subscriptions.continuing import go_on
from exchange.subscriptions.folding import require_folded
from exchange.subscriptions.granting import Granted, grant, hold_resource
from exchange.subscriptions.states import Action as SubscriptionAction
from exchange.subscriptions.tables import Subscription
from kernel.actor import SYSTEM, Actor
from kernel.database import WriteSession
from kernel.errors import Conflict, FieldErrors
from kernel.workdays import local_date

AS_ASKED = Narrowing()
STANDING_CONSENT = Narrowing(note="数据提供部门常设同意 / the provider's standing consent")


async def agree(
    session: WriteSession,
    principal: Principal,
    application_id: str,
    *,
    said: Narrowing = AS_ASKED,
    limits: Limits = deadlines.LEGAL,
    now: datetime,
) -> Application:
    """Grant what was asked for, or less.

    Raises Invalid for each attempt to widen, StateIncomplete (exchange/applications/folding.py).
    """
    application = await begin(session, principal, application_id, Action.AGREE)
    await hold_resource(session, application.resource_id)
    offer = await offered(session, application.resource_id)
    return await conclude(
        session, principal.actor, application, offer, said=said, limits=limits, now=now
    )


async def agree_beforehand(
    session: WriteSession, application: Application, offer: Offer, limits: Limits, *, now: datetime
) -> Application:
    """Agree at once where the provider consented to every request for unconditional data."""
    if not (offer.standing_consent and offer.is_unconditional) or application.amends:
        return application
    return await conclude(
        session, SYSTEM, application, offer, said=STANDING_CONSENT, limits=limits, now=now
    )


async def require_grantable(
    session: WriteSession, application: Application, offer: Offer, *, now: datetime
) -> None:
    """Raise StateIncomplete where a standing consent could not grant it yet."""
    if offer.standing_consent and offer.is_unconditional:
        await _require_folded(session, application, offer, asked_terms(application), now)


async def conclude(
    session: WriteSession,
    actor: Actor,
    application: Application,
    offer: Offer,
    *,
    said: Narrowing,
    limits: Limits,
    now: datetime,
) -> Application:
    _require_mode(application, offer)
    _check_detail(application, said)
    if application.return_flow:
        check_whole(said, application.items)
    ledger.check_mode(application.mode, ledger=said.ledger)
    said = await _with_lifted(session, application, said)
    present = await _present(session, application)
    terms = narrow(
        asked_terms(application),
        said,
        fields=offer.fields,
        masked=offer.masks,
        today=local_date(now),
        present=present,
    )
    takes_back = amending.takes_back(present, terms, offer.fields)
    await _require_folded(session, application, offer, terms, now, takes_back=takes_back)
    granted = _granted(application, offer, terms, said, deadlines.delivery_term(now, limits))
    subscription = await _give(session, actor, application, granted, now)
    if takes_back:
        await recalls.begin(session, subscription.id, subscription.revision)
    facts = {"subscription_id": subscription.id, "note": said.note}
    changes = {
        "decided_at": now,
        "decided_by": actor.id,
        "decision": {"note": said.note, **_summary(subscription)},
        "subscription_id": subscription.id,
    }
    return await carry(session, actor, application, Action.AGREE, changes, now=now, **facts)


async def _give(
    session: WriteSession, actor: Actor, application: Application, granted: Granted, now: datetime
) -> Subscription:
    """Make the subscription, or let the one go on that is renewed or amended."""
    if application.continues is None:
        return await grant(session, actor, granted, now=now)
    action = SubscriptionAction.AMEND if application.renews is None else SubscriptionAction.RENEW
    return await go_on(session, actor, application.continues, action, granted, now=now)


async def _present(session: WriteSession, application: Application) -> Present | None:
    if application.continues is None:
        return None
    subscription = await moving.get(session, Subscription, application.continues)
    return Present(conditions.from_json(subscription.row_filter), subscription.mode)


async def _with_lifted(
    session: WriteSession, application: Application, said: Narrowing
) -> Narrowing:
    """Keep masks lifted that are so in the grant that goes on, unless others are named."""
    if application.continues is None or said.unmasked:
        return said
    subscription = await moving.get(session, Subscription, application.continues)
    items = application.items if said.items is None else said.items
    lifted = tuple(item for item in subscription.unmasked if item in items)
    return replace(said, unmasked=lifted)


async def _require_folded(
    session: WriteSession,
    application: Application,
    offer: Offer,
    terms: Terms,
    now: datetime,
    *,
    takes_back: bool = False,
) -> None:
    keys = {name for name, field in offer.fields.items() if field.key}
    named = {condition.item for condition in terms.row_filter}
    if takes_back or not named <= keys or application.mode in FROM_LATEST:
        await require_folded(session, application.resource_id, now=now)


def _check_detail(application: Application, said: Narrowing) -> None:
    """Raise Invalid for a detail of answers that the mode does not give."""
    if said.detail and application.mode != "verify":
        errors = FieldErrors()
        zh, en = "只有核验方式可以告知不一致的信息项", "only verify tells what does not match"
        errors.add("detail", "not_in_code_list", zh, en, allowed=["false"])
        errors.raise_if_any()


def _require_mode(application: Application, offer: Offer) -> None:
    """A version published since the request may have dropped its mode."""
    if application.mode not in offer.modes:
        raise Conflict(
            f"现行版本不再以 {application.mode} 方式共享，请拒绝并说明理由",
            f"The version in force is not shared by {application.mode}: refuse and say why",
        )


def asked_terms(application: Application) -> Terms:
    return Terms(
        items=tuple(application.items),
        valid_until=application.valid_until,
        row_filter=conditions.from_json(application.row_filter),
        records_per_day=application.records_per_day,
    )


def _granted(
    application: Application, offer: Offer, terms: Terms, said: Narrowing, delivery: Term
) -> Granted:
    masks = {
        item: dict(offer.masks[item])
        for item in terms.items
        if item in offer.masks and item not in said.unmasked
    }
    named = (*terms.items, *(condition.item for condition in terms.row_filter))
    return Granted(
        application_id=application.id,
        resource_id=application.resource_id,
        resource_version=offer.version,
        client_id=application.client_id,
        consumer_department=application.consumer_department,
        provider_department=application.provider_department,
        region_code=application.region_code,
        items=list(terms.items),
        elements={item: offer.elements[item] for item in named},
        masks=masks,
        unmasked=list(said.unmasked),
        row_filter=terms.row_filter,
        mode=application.mode,
        records_per_day=terms.records_per_day,
        valid_from=application.valid_from,
        valid_until=terms.valid_until,
        deliver_by=delivery.due_at,
        deliver_from=delivery.start,
        deliver_days=delivery.days,
        deliver_calendar=delivery.calendar,
        detail=said.detail,
        ledger=said.ledger,
        return_flow=application.return_flow,
        editions={
            item: edition for item, edition in application.editions.items() if item in terms.items
        },
    )


def _summary(subscription: Subscription) -> dict[str, object]:
    names = {"items", "unmasked", "row_filter", "records_per_day", "valid_until"}
    return subscription.model_dump(mode="json", include=names)
