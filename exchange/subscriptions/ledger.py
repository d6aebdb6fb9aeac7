"""The delivery ledger of a day, as both sides read it, and its confirmation by the consumer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from auth.principal import Principal, Scope
from auth.statements import require_signed
from exchange import store as moving
from exchange.events import ExchangeEvent
from exchange.metering.ledger import store
from exchange.metering.ledger.digests import Difference, NamedPage, first_difference
from exchange.metering.ledger.store import Sums
from exchange.metering.ledger.tables import LedgerDay, LedgerPage
from exchange.modes import WITH_LEDGER
from exchange.subscriptions import register
from exchange.subscriptions.tables import Subscription
from kernel import audit
from kernel.database import ReadSession, WriteSession
from kernel.errors import Conflict, FieldErrors, NotFound, Text

SUBJECT: Final = "subscription"
# Pages that one confirmation may list, and that are compared by name.
LISTED_MAX: Final = 10_000


class LedgerDiffers(Conflict):
    """What the consumer received is not what the platform handed on."""

    code = "ledger_differs"
    title = Text("对账不一致", "The ledgers of the two sides differ")

    def __init__(self, sums: Sums, difference: Difference | None) -> None:
        page = None if difference is None else difference.page
        problem = None if difference is None else difference.problem
        super().__init__(
            f"当日摘要与平台不一致；首个不一致的页：{page or '未列出各页，无法指出'}",
            f"The digest of the day is not the platform's; first page that differs:"
            f" {page or 'unknown, as no pages were listed'}",
            page=page,
            problem=problem,
            digest=sums.digest.hex(),
            pages=sums.pages,
            records=sums.records,
        )


@dataclass(frozen=True, slots=True)
class LedgerOfDay:
    """Sums of a day and some of its pages; `confirmed` is agreed to while digests are equal."""

    subscription: Subscription
    day: date
    sums: Sums
    pages: Sequence[LedgerPage]
    more: bool
    confirmed: LedgerDay | None

    @property
    def agreed(self) -> bool:
        return self.confirmed is not None and self.confirmed.digest == self.sums.digest


async def of_day(
    session: ReadSession,
    principal: Principal,
    subscription_id: str,
    day: date,
    after: int,
    most: int,
) -> LedgerOfDay:
    """Return a day for the subscription's client, and for staff of both sides and the authority.

    Raises NotFound, 403 errors, and Conflict where no ledger was agreed to.
    """
    subscription = await require_readable(session, principal, subscription_id)
    sums = await store.sums(session, subscription_id, day)
    pages = await store.pages(session, subscription_id, day, after, most + 1)
    confirmed = await store.confirmed(session, subscription_id, day)
    more = len(pages) > most
    return LedgerOfDay(subscription, day, sums, pages[:most], more, confirmed)


async def confirm(  # noqa: PLR0913 - what a confirmation says
    session: WriteSession,
    principal: Principal,
    subscription_id: str,
    day: date,
    digest: str,
    pages: Sequence[NamedPage] | None,
    jws: str | None,
    *,
    now: datetime,
) -> LedgerOfDay:
    """Keep that the consumer received what was handed on; raises LedgerDiffers, and as `of_day`.

    Raises Invalid for a `jws` that is not the client's, or says something else.
    """
    subscription = await _own(session, principal, subscription_id)
    if jws is not None:
        said = {"subscription_id": subscription_id, "day": str(day), "digest": digest}
        await require_signed(session, principal.id, jws, said)
    sums = await store.sums(session, subscription_id, day)
    if digest != sums.digest.hex():
        difference = await _difference(session, subscription_id, day, pages)
        raise LedgerDiffers(sums, difference)
    row = LedgerDay(
        subscription_id=subscription_id,
        day=day,
        digest=sums.digest,
        confirmed_by=principal.id,
        confirmed_at=now,
        jws=jws,
    )
    await store.confirm(session, row)
    facts: dict[str, Any] = {"day": str(day), "digest": digest, "pages": sums.pages}
    facts |= {"records": sums.records, "signed": jws is not None}
    event = ExchangeEvent.LEDGER_CONFIRMED
    audit.record(session, principal.actor, event, SUBJECT, subscription_id, **facts)
    return LedgerOfDay(subscription, day, sums, (), more=False, confirmed=row)


async def _difference(
    session: ReadSession, subscription_id: str, day: date, told: Sequence[NamedPage] | None
) -> Difference | None:
    if told is None:
        return None
    rows = await store.pages(session, subscription_id, day, 0, LISTED_MAX)
    return first_difference([NamedPage(row.page, row.digest.hex()) for row in rows], told)


async def _own(session: ReadSession, principal: Principal, subscription_id: str) -> Subscription:
    principal.require_scope(Scope.RECORDS_READ)
    subscription = await moving.get(session, Subscription, subscription_id)
    if subscription.client_id != principal.id:
        raise NotFound
    return _with_ledger(subscription)


async def require_readable(
    session: ReadSession, principal: Principal, subscription_id: str
) -> Subscription:
    """Return the subscription to who may read its ledger; raises as `of_day`."""
    if principal.kind == "client":
        return await _own(session, principal, subscription_id)
    principal.require_scope(Scope.CATALOG_READ)
    return _with_ledger(await register.find(session, principal, subscription_id))


def _with_ledger(subscription: Subscription) -> Subscription:
    if not subscription.ledger:
        raise Conflict("该共享授权未约定对账", "No ledger was agreed to for this subscription")
    return subscription


def check_mode(mode: str, *, ledger: bool) -> None:
    """Raise Invalid for a ledger of a mode that hands on no records in pages."""
    if ledger and mode not in WITH_LEDGER:
        errors = FieldErrors()
        zh = f"只有 {'、'.join(WITH_LEDGER)} 方式可以约定对账"
        en = f"a ledger is kept of {', '.join(WITH_LEDGER)} only"
        errors.add("ledger", "not_in_code_list", zh, en, allowed=["false"])
        errors.raise_if_any()
