"""Wire shapes of violations, beside orders and in statistics."""

from collections.abc import Sequence
from datetime import datetime

from exchange.orders import register as orders
from exchange.violations.register import Violation
from exchange.violations.types import RULES, Type
from gateway import names
from gateway.names import Fields
from kernel.database import ReadSession
from kernel.wire import Day, Wire


class ViolationView(Wire):
    """`thing` is what kind of thing `thing_id` names; `order_id` the newest order about it."""

    id: str
    type: Type
    article: int
    department: str
    department_name: str | None
    region_code: str
    thing: str
    thing_id: str
    due_at: datetime | None
    due_on: Day | None
    occurred_at: datetime
    order_id: str | None


async def views(session: ReadSession, rows: Sequence[Violation]) -> list[ViolationView]:
    """Return violations with names and orders."""
    found = await orders.orders_of(session, [row.id for row in rows]) if rows else {}
    fields = [_fields(row, found.get(row.id)) for row in rows]
    await names.add(session, fields)
    return [ViolationView.model_validate(each) for each in fields]


def _fields(row: Violation, order_id: str | None) -> Fields:
    return row.model_dump(exclude={"occasion"}) | {
        "article": RULES[Type(row.type)].article,
        "due_on": names.last_day(row.due_at),
        "order_id": order_id,
    }
