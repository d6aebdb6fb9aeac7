"""Renewing and amending: an application by which the same subscription goes on.

What is asked for begins with what is granted; what an amendment cannot change says `amending`.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from auth.principal import Principal
from exchange import store as moving
from exchange.applications import amending, apply, store
from exchange.applications.apply import first_client, granted_content
from exchange.applications.content import Content, require_fixed
from exchange.applications.offers import Offers
from exchange.applications.tables import Application
from exchange.modes import WITH_EDITIONS
from exchange.parties import authorize
from exchange.subscriptions.continuing import require_renewable, state_after
from exchange.subscriptions.states import ALLOWED_ROLES, Action
from exchange.subscriptions.tables import Subscription
from kernel.database import ReadSession, WriteSession
from kernel.errors import Conflict, Invalid


async def renew(
    session: WriteSession,
    principal: Principal,
    subscription_id: str,
    changes: Mapping[str, Any],
    *,
    now: datetime,
) -> Application:
    """Ask for more time, up to 30 days after the end.

    Raises IllegalTransition, Conflict while another renewal or amendment is open, and Invalid.
    """
    subscription = await _begin(session, principal, subscription_id, Action.RENEW, now)
    require_renewable(subscription, now)
    return await _draft(
        session, principal, subscription, changes, {"renews": subscription.id}, now=now
    )


async def amend(
    session: WriteSession,
    principal: Principal,
    subscription_id: str,
    changes: Mapping[str, Any],
    *,
    now: datetime,
) -> Application:
    """Ask for other items, rows, mode, system or quota; raises what `renew` raises."""
    subscription = await _begin(session, principal, subscription_id, Action.AMEND, now)
    return await _draft(
        session, principal, subscription, changes, {"amends": subscription.id}, now=now
    )


async def open_id(session: ReadSession, subscription: Subscription) -> str | None:
    """Return the renewal or amendment of the subscription that nobody has decided yet."""
    return await store.continuing(session, subscription.id)


def _editions(granted: Content, asked: Content) -> dict[str, str]:
    """An item that is given up takes its edition along, a mode that hands on no values all."""
    wanted = set(asked.items) if asked.mode in WITH_EDITIONS else set()
    return {item: edition for item, edition in granted.editions.items() if item in wanted}


async def _begin(
    session: WriteSession,
    principal: Principal,
    subscription_id: str,
    action: Action,
    now: datetime,
) -> Subscription:
    subscription = await moving.lock(session, Subscription, subscription_id)
    authorize(principal, subscription, ALLOWED_ROLES[action])
    state_after(subscription, action, now)
    if await store.continuing(session, subscription.id):
        raise Conflict(
            "该共享授权已有未办结的续期或变更申请",
            "A renewal or an amendment of the subscription is open already",
        )
    return subscription


async def _draft(
    session: WriteSession,
    principal: Principal,
    subscription: Subscription,
    changes: Mapping[str, Any],
    link: Mapping[str, str],
    *,
    now: datetime,
) -> Application:
    granted = await granted_content(session, subscription)
    asked = replace(granted, **changes)
    granted, asked = (
        replace(each, editions=_editions(granted, asked)) for each in (granted, asked)
    )
    require_fixed(asked, granted, renewal="renews" in link)
    if asked == granted:
        raise Invalid("未提出任何变更", "Nothing is to change")
    offers = Offers(session, principal)
    offer = await offers.of(subscription.resource_id)
    amending.check(asked, granted, await first_client(session, subscription))
    await apply.check(offers, asked, offer, now, kept=granted.row_filter)
    application = apply.drafted(principal, asked, offer, now=now)
    for name, value in link.items():
        setattr(application, name, value)
    session.add(application)
    await session.flush()
    apply.record_created(session, principal, application, now=now, **link)
    return application
