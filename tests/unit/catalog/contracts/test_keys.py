from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.contracts.compile import compile_plan
from catalog.contracts.keys import join_key, key_of, split_key
from catalog.contracts.model import DataType
from kernel.errors import Invalid
from tests.unit.catalog.contracts.samples import contract, dump, item

PAIR = contract(
    item("a", DataType.STRING, key=True),
    item("other", DataType.STRING),
    item("b", DataType.STRING, key=True),
)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        (("x", "y"), "x~y"),
        (("a~b", "c"), "a%7Eb~c"),
        (("100%", "~"), "100%25~%7E"),
        (("%7E", "桂"), "%257E~桂"),
    ],
)
def test_key_items_are_joined_in_order_with_reserved_characters_encoded(
    values: tuple[str, str], key: str
) -> None:
    record = {"b": values[1], "a": values[0], "other": "o"}
    assert key_of(PAIR, record) == key.encode()
    assert compile_plan(PAIR).check_ndjson(dump(record)).keys == [key.encode()]
    assert split_key(PAIR, key.encode()) == {"a": values[0], "b": values[1]}


@given(st.lists(st.text("a~%7E25桂", min_size=1), min_size=2, max_size=2))
def test_different_records_have_different_keys(values: list[str]) -> None:
    assert list(split_key(PAIR, join_key(values)).values()) == values


@pytest.mark.parametrize("key", [b"x", b"x~y~z", b"x~%", b"x~%7e", b"x~%41", b"\xff~y"])
def test_what_no_record_could_have_is_no_key(key: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a key|decode"):
        split_key(PAIR, key)


def test_a_missing_key_item_is_named() -> None:
    with pytest.raises(Invalid) as caught:
        key_of(PAIR, {"a": "x", "b": None})
    assert [(error.path, error.code) for error in caught.value.errors] == [("b", "missing")]


@pytest.mark.parametrize(
    ("data_type", "token", "value", "key"),
    [
        (DataType.INTEGER, b"-0", 0, b"0"),
        (DataType.INTEGER, b"12", 12, b"12"),
        (DataType.DECIMAL, b'"1.50"', Decimal("1.50"), b"1.50"),
        (DataType.DECIMAL, b"1.50", Decimal("1.50"), b"1.50"),
        (DataType.BOOLEAN, b"true", True, b"true"),
        (DataType.DATE, b'"2024-02-29"', date(2024, 2, 29), b"2024-02-29"),
        (
            DataType.DATETIME,
            b'"2024-02-29T08:00:00Z"',
            "2024-02-29T08:00:00Z",
            b"2024-02-29T08:00:00Z",
        ),
    ],
)
def test_each_type_writes_its_key_alike_by_every_look(
    data_type: DataType, token: bytes, value: object, key: bytes
) -> None:
    one = contract(item("k", data_type, key=True), item("n", DataType.INTEGER, required=False))
    plan = compile_plan(one)
    assert key_of(one, {"k": value}) == key
    assert plan.check_ndjson(b'{"k":' + token + b"}").keys == [key]
    in_full = plan.check_ndjson(b'{"k":' + token + b"}\n[]")
    assert in_full.keys == [key]
