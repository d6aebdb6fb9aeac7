"""Row filters in forms: rows of item, comparison and value; a row without an item counts not."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from catalog import versions
from catalog.contracts.model import DataType
from exchange.subscriptions.conditions import Op
from gateway.console.visit import Visit
from kernel.database import ReadSession
from kernel.workdays import local_date

ROWS: Final = 3
BETWEEN: Final = re.compile(r"[,，、;；\n]+")
WHOLE: Final = re.compile(r"-?\d{1,18}", re.ASCII)
TRUTHS: Final = {"是": True, "true": True, "否": False, "false": False}


def typed(
    visit: Visit, suffix: str, types: Mapping[str, DataType] | None = None
) -> list[dict[str, Any]]:
    """Return the conditions as the API takes them; values of items of unknown type are text."""
    columns = (f"filter_{each}{suffix}" for each in ("item", "op", "value"))
    items, ops, values = (list(map(str, visit.form.getlist(name))) for name in columns)
    return [
        {"item": item, "op": op, "value": read(value, op, (types or {}).get(item))}
        for item, op, value in zip(items, ops, values, strict=False)
        if item
    ]


async def typed_for(
    visit: Visit, session: ReadSession, suffix: str, resource_id: str, version: int | None = None
) -> list[dict[str, Any]]:
    """Return the conditions, their values read by the contract of the resource."""
    if not any(visit.texts(f"filter_item{suffix}")):
        return []
    contract = await versions.shown_contract(
        session, visit.principal, resource_id, version, on=local_date(visit.now)
    )
    return typed(visit, suffix, {field.name: field.data_type for field in contract.fields})


def read(text: str, op: str, data_type: DataType | None) -> object:
    """Return the value that was typed, several of them where `op` is `in`."""
    if op == Op.IN:
        return [_scalar(each.strip(), data_type) for each in BETWEEN.split(text) if each.strip()]
    return _scalar(text.strip(), data_type)


def _scalar(text: str, data_type: DataType | None) -> object:
    """Return what the text says; where it does not fit the type, itself, to be refused."""
    if data_type is DataType.INTEGER and WHOLE.fullmatch(text):
        return int(text)
    if data_type is DataType.BOOLEAN:
        return TRUTHS.get(text.lower(), text)
    return text


def rows(visit: Visit, suffix: str = "") -> Sequence[tuple[str, str, str]]:
    """Return the rows that a form shows: those that were typed, and empty ones after them."""
    columns = (f"filter_{each}{suffix}" for each in ("item", "op", "value"))
    sent = [list(map(str, visit.form.getlist(name))) for name in columns]
    known = list(zip(*sent, strict=False))
    return [*known, *[("", "", "")] * max(0, ROWS - len(known))]
