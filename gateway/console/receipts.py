"""回执和台账: what a department has published day by day, and what was handed on to it in a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from fastapi import APIRouter, Response

from auth.principal import Role
from exchange.metering import days
from gateway.api import ledger as ledger_api
from gateway.api import records as api
from gateway.api import subscriptions
from gateway.api.ledger import PAGES_DEFAULT, LedgerView
from gateway.api.records import IssuedReceiptView
from gateway.console.pages import page
from gateway.console.series import Series, of_days
from gateway.console.supervision import day_of
from gateway.console.uploads import own
from gateway.console.visit import Visit
from kernel.clock import SHANGHAI
from kernel.workdays import local_date

router = APIRouter()
DAYS_SHOWN: Final = 30


@dataclass(frozen=True, slots=True)
class Receipts:
    resource_id: str
    name: str
    since: str
    receipts: Sequence[IssuedReceiptView]
    next_cursor: str | None
    chart: Series


@page(router, "/console/resources/{id}/receipts", "receipts.html")
async def issued(visit: Visit) -> Receipts:
    name, _contract = await own(visit)
    resource_id, since = visit.part("id"), day_of(visit.query("since"))
    begin = None if since is None else datetime.combine(since, time(), SHANGHAI)
    async with visit.reading() as session:
        found = await api.list_receipts(
            visit.principal, visit.using, session, visit.paging, resource_id, begin
        )
        today = local_date(visit.now)
        first = today - timedelta(days=DAYS_SHOWN - 1)
        counted = days.every_day(await days.published(session, resource_id, first), first, today)
    shown = "" if since is None else since.isoformat()
    chart = of_days(
        "published_days", "records", [each.day for each in counted],
        [("records", [each.records for each in counted])],
    )  # fmt: skip
    return Receipts(resource_id, name, shown, found.items, found.next_cursor, chart)


@dataclass(frozen=True, slots=True)
class Ledger:
    """What was handed on in `ledger.day`, page by page, signed."""

    subscription_id: str
    resource_name: str
    ledger: LedgerView
    next_cursor: str | None


@page(router, "/console/subscriptions/{id}/ledger", "ledger.html")
async def of_day(visit: Visit) -> Ledger:
    visit.principal.require_role(Role.CLERK, Role.HEAD, Role.AUTHORITY, Role.AUDITOR)
    subscription_id = visit.part("id")
    found = await subscriptions.find(subscription_id, visit.principal, visit.using, Response())
    day = day_of(visit.query("day")) or local_date(visit.now)
    async with visit.reading() as session:
        shown = await ledger_api.find(
            subscription_id, visit.principal, visit.using, session, day, PAGES_DEFAULT,
            visit.query("cursor"),
        )  # fmt: skip
    name = found.resource_name or found.resource_id
    return Ledger(subscription_id, name, shown, shown.next_cursor)
