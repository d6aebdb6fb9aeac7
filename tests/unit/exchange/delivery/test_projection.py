"""Exactly the approved items of exactly the approved rows, masked as approved (P3)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from catalog.contracts.model import Contract, DataType, Field
from exchange.delivery.mask import keyed_hash
from exchange.delivery.projection import Projection, View
from exchange.delivery.showing.presenter import SHOW
from exchange.subscriptions.conditions import Condition, Op
from tests.support.passes import told_twice

HASH_KEY = b"h" * 32


def a_field(name: str, data_type: DataType, *, key: bool = False) -> Field:
    return Field(name=name, label=name, data_type=data_type, required=key, key=key)


CONTRACT = Contract(
    resource_id="r",
    version=1,
    title="t",
    fields=(
        a_field("code", DataType.STRING, key=True),
        a_field("name", DataType.STRING),
        a_field("age", DataType.INTEGER),
        a_field("amount", DataType.DECIMAL),
        a_field("alive", DataType.BOOLEAN),
        a_field("born", DataType.DATE),
    ),
)
ALL = tuple(field.name for field in CONTRACT.fields)


way = told_twice(SHOW)


def projection(
    items: Sequence[str] = ALL,
    masks: Mapping[str, Mapping[str, Any]] | None = None,
    conditions: Sequence[Condition] = (),
    known: Sequence[str] = ALL,
) -> Projection:
    return Projection(
        View(
            items=tuple(items),
            masks=masks or {},
            conditions=conditions,
            contract=CONTRACT,
            known_items=frozenset(known),
            hash_key=HASH_KEY,
        )
    )


RECORD = (
    b'{"code":"a~1","name":"\xe5\xbc\xa0\xe4\xb8\x89","age":30,"amount":1.50,'
    b'"alive":true,"born":"1990-01-01"}'
)
KEY = b"a%7E1"


def shown(made: Projection, value: bytes | None = RECORD, key: bytes = KEY) -> Any:  # noqa: ANN401
    [line] = made.lines([key], [value])
    return None if line is None else json.loads(line)


def test_a_whole_grant_carries_the_providers_own_bytes() -> None:
    [line] = projection().lines([KEY], [RECORD])
    assert line == b'{"op":"upsert","key":"a%7E1","data":' + RECORD + b"}"


def test_only_granted_items_leave() -> None:
    assert shown(projection(["code", "name"]))["data"] == {"code": "a~1", "name": "张三"}


def test_an_item_of_another_version_does_not_slip_through_a_whole_grant() -> None:
    made = projection(known=[*ALL, "secret"])
    line = shown(made, RECORD[:-1] + b',"secret":"x"}')
    assert line["data"].keys() == set(ALL)


def test_numbers_leave_as_they_came() -> None:
    [line] = projection(["code", "amount"]).lines([KEY], [RECORD])
    assert line is not None
    assert b'"amount":1.50' in line


def test_a_missing_item_stays_missing() -> None:
    assert shown(projection(["code", "name"]), b'{"code":"a~1"}')["data"] == {"code": "a~1"}


def test_masked_items_never_leave_in_clear() -> None:
    masks: dict[str, dict[str, Any]] = {
        "name": {"kind": "partial", "keep_start": 1, "keep_end": 0},
        "age": {"kind": "full"},
        "amount": {"kind": "null"},
        "born": {"kind": "hash"},
    }
    data = shown(projection(masks=masks))["data"]
    assert data == {
        "code": "a~1",
        "name": "张*",
        "age": "***",
        "amount": None,
        "alive": True,
        "born": keyed_hash(HASH_KEY, b"1990-01-01"),
    }


def test_a_null_under_a_full_mask_is_not_told_from_a_value() -> None:
    masks = {"name": {"kind": "full"}, "age": {"kind": "full"}}
    data = shown(projection(masks=masks), b'{"code":"a~1","name":null,"age":null}')["data"]
    assert data["name"] == data["age"] == "***"


@pytest.mark.parametrize(
    ("items", "masks"),
    [(["name"], {}), (ALL, {"code": {"kind": "partial", "keep_start": 1, "keep_end": 1}})],
)
def test_a_key_that_is_not_granted_in_clear_leaves_as_a_hash(
    items: Sequence[str], masks: Mapping[str, Mapping[str, Any]]
) -> None:
    made = projection(items, masks)
    expected = keyed_hash(HASH_KEY, KEY)
    assert shown(made)["key"] == expected
    assert shown(made, None) == {"op": "delete", "key": expected}


def test_a_key_with_quotes_is_quoted() -> None:
    key = '引"号\\'.encode()
    assert shown(projection(), RECORD, key)["key"] == '引"号\\'


@pytest.mark.parametrize(
    ("item", "op", "value", "passes"),
    [
        ("code", Op.EQ, "a~1", True),
        ("code", Op.PREFIX, "b", False),
        ("name", Op.NE, "李四", True),
        ("age", Op.GE, 30, True),
        ("age", Op.LT, 30, False),
        ("amount", Op.EQ, "1.5", True),
        ("amount", Op.GT, 2, False),
        ("alive", Op.EQ, False, False),
        ("born", Op.LE, "1990-01-01", True),
        ("code", Op.IN, ("x", "a~1"), True),
    ],
)
def test_a_row_shows_only_if_its_condition_holds(
    item: str, op: Op, value: str | int | tuple[str, ...], passes: bool
) -> None:
    made = projection(["code", "name"], conditions=[Condition(item, op, value)])
    line = shown(made)
    assert (line is not None) is passes
    if passes:
        assert line["data"] == {"code": "a~1", "name": "张三"}


@pytest.mark.parametrize("op", [Op.EQ, Op.NE, Op.LT, Op.GE])
@pytest.mark.parametrize("record", [b'{"code":"a"}', b'{"code":"a","age":null}'])
def test_a_row_without_the_value_does_not_show(op: Op, record: bytes) -> None:
    assert shown(projection(conditions=[Condition("age", op, 1)]), record, b"a") is None


def test_every_condition_must_hold() -> None:
    both = [Condition("age", Op.GE, 30), Condition("alive", Op.EQ, False)]
    assert shown(projection(conditions=both)) is None


def test_a_masked_item_is_filtered_by_its_clear_value() -> None:
    made = projection(
        masks={"name": {"kind": "full"}}, conditions=[Condition("name", Op.EQ, "张三")]
    )
    assert shown(made)["data"]["name"] == "***"


def test_a_delete_that_the_filter_could_have_shown_leaves() -> None:
    made = projection(conditions=[Condition("age", Op.GE, 30)])
    assert shown(made, None) == {"op": "delete", "key": "a%7E1"}


def test_a_delete_that_the_key_rules_out_does_not_leave() -> None:
    made = projection(conditions=[Condition("code", Op.PREFIX, "b")])
    assert shown(made, None) is None


def test_order_is_kept_among_upserts_deletes_and_hidden_rows() -> None:
    made = projection(["code"], conditions=[Condition("age", Op.GE, 30)])
    hidden = b'{"code":"b","age":1}'
    lines = made.lines([KEY, b"b", b"c", KEY], [RECORD, hidden, None, RECORD])
    assert [line and json.loads(line)["op"] for line in lines] == [
        "upsert",
        None,
        "delete",
        "upsert",
    ]


def test_a_type_that_changed_between_versions_is_still_projected() -> None:
    """An item was a number in version 1 and is text in version 2; both stand in the log."""
    made = projection(["code", "name"], masks={"name": {"kind": "full"}})
    lines = made.lines([b"a", b"b"], [b'{"code":"a","name":5}', b'{"code":"b","name":"x"}'])
    assert [json.loads(line or b"")["data"]["name"] for line in lines] == ["***", "***"]
