"""Contracts as the JSON that is stored when a version is published; pure."""

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from catalog.contracts.model import Checker, Contract, DataType, Field

DECIMALS = ("minimum", "maximum")


def dump(contract: Contract) -> dict[str, Any]:
    stored = asdict(contract)
    for field in stored["fields"]:
        for name in DECIMALS:
            field[name] = None if field[name] is None else str(field[name])
    return stored


def load(stored: Mapping[str, Any]) -> Contract:
    return Contract(
        resource_id=stored["resource_id"],
        version=stored["version"],
        title=stored["title"],
        fields=tuple(_field(field) for field in stored["fields"]),
    )


def _field(stored: Mapping[str, Any]) -> Field:
    values, checker = stored["values"], stored["checker"]
    read = {
        **stored,
        **{name: _decimal(stored[name]) for name in DECIMALS},
        "data_type": DataType(stored["data_type"]),
        "values": None if values is None else tuple(values),
        "checker": None if checker is None else Checker(checker),
    }
    return Field(**read)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
