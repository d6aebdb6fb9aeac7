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
