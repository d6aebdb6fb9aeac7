"""Makes the subscription that an agreed application grants."""

from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from exchange.events import ExchangeEvent
from exchange.subscriptions import store
from exchange.subscriptions.conditions import Condition
from exchange.subscriptions.states import State
from exchange.subscriptions.tables import Subscription
from kernel import audit, outbox
from kernel.actor import Actor
from kernel.changes import announce
from kernel.database import WriteSession
from kernel.ids import new_id
from kernel.workdays import local_date

USE_RECORDED_EVERY: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The terms of an agreement; `unmasked` are the items whose mask the provider lifted.

    `elements` are those of `items` and of the items that `row_filter` names.
    """

    application_id: str
    resource_id: str
    resource_version: int
    client_id: str
    consumer_department: str
    provider_department: str
    region_code: str
    items: list[str]
    elements: dict[str, str]
    masks: dict[str, Any]
    unmasked: list[str]
    row_filter: tuple[Condition, ...]
    mode: str
    records_per_day: int | None
    valid_from: date | None
    valid_until: date
    deliver_by: datetime
    deliver_from: date
    deliver_days: int
    deliver_calendar: int
    detail: bool = False
    ledger: bool = False
    editions: dict[str, str] = field(default_factory=dict)
    return_flow: bool = False


async def hold_resource(session: WriteSession, resource_id: str) -> None:
    """Keep the resource from being retired until this transaction ends."""
    await store.hold_resource(session, resource_id, alone=False)


async def grant(
    session: WriteSession, actor: Actor, granted: Granted, *, now: datetime
) -> Subscription:
    facts = asdict(granted) | {"row_filter": [c.as_json() for c in granted.row_filter]}
    subscription = Subscription(
        id=new_id(),
        status=State.ACTIVE,
        created_at=now,
        usage_due_on=usage_due_on(local_date(now)),
        **facts,
    )
    session.add(subscription)
    await session.flush()
    step = (None, State.ACTIVE)
    store.add_history(session, subscription.id, "grant", step, actor, now, {})
    event = ExchangeEvent.SUBSCRIPTION_GRANTED
    audit.record(session, actor, event, "subscription", subscription.id, **facts)
    outbox.add(session, event, subscription.id, message(subscription))
    await announce(session, "subscription", subscription.id)
    return subscription


def usage_due_on(recorded_to: date) -> date:
    """Return the last day on which use is to be recorded that is on record up to a day.

    The law asks for records and names no rhythm (Art 29): a year is a decision of this platform.
    """
    return recorded_to + USE_RECORDED_EVERY


def message(subscription: Subscription) -> dict[str, Any]:
    """Return the facts that listeners learn of a subscription."""
    names = {"id", "application_id", "resource_id", "client_id", "status", "mode", "items"}
    parties = {
        "consumer_department",
        "provider_department",
        "region_code",
        "valid_until",
        "revision",
        "suspend_reason",
    }
    return subscription.model_dump(mode="json", include=names | parties)
