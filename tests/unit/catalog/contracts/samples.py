"""A contract with every kind of item, and valid records of it."""

import json
from decimal import Decimal
from typing import Any

from catalog.contracts.model import Checker, Contract, DataType, Field
from kernel.identifiers import make_uscc, resident_check_digit


def item(name: str, data_type: DataType, **rules: object) -> Field:
    facts: dict[str, Any] = {"label": f"项{name}", "required": True, "key": False, **rules}
    return Field(name=name, data_type=data_type, **facts)


def contract(*fields: Field) -> Contract:
    return Contract(resource_id="res-1", version=3, title="不动产登记", fields=fields)


DIVISIONS = tuple(f"45{number:04d}" for number in range(100, 700))

EVERYTHING = contract(
    item("id", DataType.STRING, key=True, checker=Checker.RESIDENT_ID, max_length=18),
    item("batch", DataType.INTEGER, key=True, minimum=Decimal(0)),
    item("note", DataType.STRING, key=True, max_length=6),
    item("org", DataType.STRING, checker=Checker.USCC),
    item("sex", DataType.CODE, values=("0", "1", "2", "9")),
    item("division", DataType.CODE, values=DIVISIONS, checker=Checker.DIVISION_CODE),
    item("mobile", DataType.STRING, required=False, checker=Checker.MOBILE),
    item("plate", DataType.STRING, required=False, pattern=r"^桂[A-Z]-?[A-Z0-9]{5}$"),
    item("born", DataType.DATE),
    item("died", DataType.DATE, required=False),
    item("at", DataType.DATETIME),
    item("price", DataType.DECIMAL, precision=6, scale=2, minimum=Decimal(0)),
    item("rate", DataType.DECIMAL, required=False, precision=4, maximum=Decimal("99.5")),
    item("alive", DataType.BOOLEAN),
    item("rooms", DataType.INTEGER, required=False, minimum=Decimal(1), maximum=Decimal(99)),
    item("text", DataType.STRING, required=False, min_length=2, max_length=8),
)


def resident(number: int) -> str:
    body = (
        f"450103{1950 + number % 50}{number % 12 + 1:02d}{number % 28 + 1:02d}{number % 1000:03d}"
    )
    return body + resident_check_digit(body)


def record(number: int) -> dict[str, object]:
    return {
        "id": resident(number),
        "batch": number,
        "note": f"户{number}",
        "org": make_uscc("N", "1", "450103", f"{number:08d}"),
        "sex": "0129"[number % 4],
        "division": DIVISIONS[number % len(DIVISIONS)],
        "mobile": None if number % 3 else f"138{number:08d}",
        "plate": "桂A-12345",
        "born": f"{1950 + number % 50}-02-28",
        "at": "2025-08-01T08:00:00+08:00",
        "price": f"{number % 9999}.50" if number % 2 else number % 9999,
        "rate": 12.25,
        "alive": number % 2 == 0,
        "rooms": None,
        "text": "朝阳路",
    }


def line(number: int, **changes: object) -> bytes:
    return dump({**record(number), **changes})


def dump(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def batch(count: int) -> list[bytes]:
    return [line(number) for number in range(count)]
