"""Writing and reading use records (Order 809 Art 29)."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Final

from sqlmodel import select

from auth.principal import Principal, Role
from exchange import store as moving
from exchange.events import ExchangeEvent
from exchange.parties import Permitted, Side, authorize
from exchange.subscriptions import register
from exchange.subscriptions.tables import Subscription
from exchange.usage import store
from exchange.usage.tables import UsageRecord
from kernel import audit
from kernel.database import ReadSession, WriteSession
from kernel.errors import FieldErrors
from kernel.ids import new_id
from kernel.paging import Page, PageRequest
from kernel.workdays import local_date

__all__ = ["Usage", "UsageRecord", "page", "record"]

WHO: Final[Permitted] = {Side.CONSUMER: frozenset({Role.HEAD})}


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Both days of the period are inclusive; `destroyed` says what was destroyed, and how."""

    period_from: date
    period_to: date
    scenario: str
    process: str
    effect: str
    storage: str
    destroyed: str | None = None


async def record(
    session: WriteSession,
    principal: Principal,
    subscription_id: str,
    usage: Usage,
    *,
    now: datetime,
) -> UsageRecord:
    """Keep what the consumer's head says of a period; also after the subscription has ended."""
    subscription = await moving.get(session, Subscription, subscription_id)
    authorize(principal, subscription, WHO)
    _check_period(usage, subscription, now)
    row = UsageRecord(
        id=new_id(),
        subscription_id=subscription_id,
        recorded_by=principal.id,
        recorded_at=now,
        **asdict(usage),
    )
    session.add(row)
    await session.flush()
    await store.recorded(session, subscription_id, usage.period_to)
    event = ExchangeEvent.USAGE_RECORDED
    facts = {"usage_record": row.id, "from": str(usage.period_from), "to": str(usage.period_to)}
    audit.record(session, principal.actor, event, "subscription", subscription_id, **facts)
    return row


async def page(
    session: ReadSession, principal: Principal, subscription_id: str, request: PageRequest
) -> Page[UsageRecord]:
    """Return the records of a subscription: its parties, the authority and auditors read them."""
    await register.find(session, principal, subscription_id)
    query = select(UsageRecord).where(UsageRecord.subscription_id == subscription_id)
    rows = (await session.exec(request.apply(query, UsageRecord.id))).all()
    return request.page(rows, "id")


def _check_period(usage: Usage, subscription: Subscription, now: datetime) -> None:
    errors = FieldErrors()
    if usage.period_from < local_date(subscription.created_at):
        errors.add(
            "period[0]", "out_of_range", "不得早于授权之日", "not before the day of the grant"
        )
    if not usage.period_from <= usage.period_to <= local_date(now):
        errors.add(
            "period[1]",
            "out_of_range",
            "应在起始日至今日之间",
            "must lie between the first day and today",
        )
    errors.raise_if_any()
