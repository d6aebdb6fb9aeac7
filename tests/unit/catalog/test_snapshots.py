"""A contract comes back from its stored form as it was."""

import json
from decimal import Decimal
from typing import Any

from catalog import snapshots
from catalog.contracts.model import Checker, Contract, DataType, Field

PLAIN: dict[str, Any] = {"label": "项", "required": True, "key": False}


def test_a_snapshot_is_json_and_loses_nothing() -> None:
    contract = Contract(
        resource_id="r",
        version=3,
        title="人口",
        fields=(
            Field(name="id", data_type=DataType.STRING, checker=Checker.RESIDENT_ID, **PLAIN),
            Field(name="sex", data_type=DataType.CODE, values=("0", "1"), **PLAIN),
            Field(
                name="paid",
                data_type=DataType.DECIMAL,
                precision=20,
                scale=2,
                minimum=Decimal("0.01"),
                maximum=Decimal("99999999999999999.99"),
                **PLAIN,
            ),
        ),
    )
    stored = json.loads(json.dumps(snapshots.dump(contract)))
    assert snapshots.load(stored) == contract


CODES = tuple(f"{number:06d}" for number in range(100))


def of_code(name: str, values: tuple[str, ...]) -> Field:
    return Field(name=name, data_type=DataType.CODE, values=values, **PLAIN)


def test_a_list_that_items_share_is_stored_and_held_once() -> None:
    """A list of 20,000 codes in 299 items once made a snapshot of 90 MB."""
    fields = (*(of_code(f"i{number}", CODES) for number in range(50)), of_code("sex", ("1", "2")))
    contract = Contract(resource_id="r", version=1, title="人口", fields=fields)
    text = json.dumps(snapshots.dump(contract))
    assert text.count(CODES[-1]) == 1
    loaded = snapshots.load(json.loads(text))
    assert loaded == contract
    assert len({id(field.values) for field in loaded.fields}) == 2
    assert snapshots.load(json.loads(text)).fields[0].values is loaded.fields[0].values


def test_a_snapshot_of_before_with_a_list_for_each_item_is_read_as_one_list() -> None:
    fields = (of_code("a", CODES), of_code("b", CODES))
    stored = snapshots.dump(Contract(resource_id="r", version=1, title="人口", fields=fields))
    stored["fields"][1]["values"] = list(CODES)
    first, second = snapshots.load(json.loads(json.dumps(stored))).fields
    assert first.values is second.values
