"""Contracts as the JSON that is stored when a version is published; pure."""

from collections.abc import Mapping
from dataclasses import fields as fields_of
from decimal import Decimal
from typing import Any

from catalog.contracts.domains import shared
from catalog.contracts.model import Checker, Contract, DataType, Field

DECIMALS = ("minimum", "maximum")
FIELDS = tuple(field.name for field in fields_of(Field))


def dump(contract: Contract) -> dict[str, Any]:
    """The contract as JSON; of a list that several items have, all but the first name the first."""
    first: dict[int, int] = {}
    fields = []
    for place, field in enumerate(contract.fields):
        stored = {name: getattr(field, name) for name in FIELDS}
        for name in DECIMALS:
            stored[name] = None if stored[name] is None else str(stored[name])
        if field.values is not None:
            # The builder gives one list to all items of one code list.
            other = first.setdefault(id(field.values), place)
            stored["values"] = list(field.values) if other == place else {"as": other}
        fields.append(stored)
    return {
        "resource_id": contract.resource_id,
        "version": contract.version,
        "title": contract.title,
        "fields": fields,
    }


def load(stored: Mapping[str, Any]) -> Contract:
    """The contract; equal code lists are one object, in it and in what was loaded before."""
    fields = stored["fields"]
    lists = [_values(field["values"]) for field in fields]
    return Contract(
        resource_id=stored["resource_id"],
        version=stored["version"],
        title=stored["title"],
        fields=tuple(
            _field(field, lists[_holder(place, field)]) for place, field in enumerate(fields)
        ),
    )


def _holder(place: int, stored: Mapping[str, Any]) -> int:
    """The place of the item that holds this one's list."""
    values = stored["values"]
    return int(values["as"]) if isinstance(values, Mapping) else place


def _values(stored: object) -> tuple[str, ...] | None:
    return shared(tuple(stored)) if isinstance(stored, list | tuple) else None


def _field(stored: Mapping[str, Any], values: tuple[str, ...] | None) -> Field:
    checker = stored["checker"]
    read = {
        **stored,
        **{name: _decimal(stored[name]) for name in DECIMALS},
        "data_type": DataType(stored["data_type"]),
        "values": values,
        "checker": None if checker is None else Checker(checker),
    }
    return Field(**read)


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)
