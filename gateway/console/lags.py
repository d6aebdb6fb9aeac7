"""运行 · 各授权的落后: who reads how far behind, for operators, who read no values (P8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Final

from fastapi import APIRouter

from auth import directory
from auth.principal import Role, Scope
from catalog import directory as catalogue
from exchange.delivery.behind import Behind, Look, Order
from gateway.console.pages import page
from gateway.console.standing import Standing, standing
from gateway.console.visit import Visit
from kernel import paging

router = APIRouter()
ADDRESS: Final = "/console/status/subscriptions"


@dataclass(frozen=True, slots=True)
class Row:
    """One subscription with the names of what it names by id."""

    behind: Behind
    resource: str
    provider: str
    consumer: str
    client: str


@dataclass(frozen=True, slots=True)
class LagPage:
    """`places` is what is known of all together; `untold` is of how many nothing is."""

    at: datetime
    rows: Sequence[Row]
    total: int
    places: int
    untold: int
    gaps: int
    cut: bool
    order: str
    orders: Sequence[str]
    next_cursor: str | None


@page(router, ADDRESS, "lags.html")
async def listed(visit: Visit) -> LagPage:
    look = await _look(visit)
    asked = visit.query("sort") or ""
    order = Order(asked) if asked in set(Order) else Order.PLACES
    chosen = look.gaps if visit.query("only") == "gap" else look.rows
    first, limit = visit.paging.first, visit.paging.limit
    more = len(chosen) > first + limit
    return LagPage(
        at=look.at,
        rows=await _named(visit, look.page(chosen, order, first, limit)),
        total=len(look.rows),
        places=look.places,
        untold=look.untold,
        gaps=len(look.gaps),
        cut=look.cut,
        order=order,
        orders=list(Order),
        next_cursor=paging.encode(str(first + limit)) if more else None,
    )


@dataclass(frozen=True, slots=True)
class LagOf:
    """One subscription, partition by partition; drawn where brokers told of it."""

    at: datetime
    row: Row
    standing: Standing | None


@page(router, f"{ADDRESS}/{{id}}", "lag.html")
async def one(visit: Visit) -> LagOf:
    look = await _look(visit)
    (row,) = await _named(visit, [look.one(visit.part("id"))])
    return LagOf(look.at, row, standing(row.behind.stretches))


async def _look(visit: Visit) -> Look:
    visit.principal.require_scope(Scope.ADMIN)
    visit.principal.require_role(Role.OPERATOR)
    return await visit.using.bus.lags.look(visit.principal.region_code, visit.now)


async def _named(visit: Visit, rows: Sequence[Behind]) -> Sequence[Row]:
    sides = [(row.provider_department, row.consumer_department) for row in rows]
    async with visit.reading() as session:
        resources = await catalogue.resources(session, {row.resource_id for row in rows})
        clients = await directory.clients(session, {row.client_id for row in rows})
        names = await directory.departments(session, {*chain(*sides)})
    return [
        Row(
            row,
            resources.get(row.resource_id, row.resource_id),
            names.get(row.provider_department, row.provider_department),
            names.get(row.consumer_department, row.consumer_department),
            clients.get(row.client_id, row.client_id),
        )
        for row in rows
    ]
