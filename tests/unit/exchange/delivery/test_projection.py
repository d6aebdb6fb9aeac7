"""Exactly the approved items of exactly the approved rows, masked as approved (P3)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from catalog.contracts.model import DataType
from exchange.delivery.projection.mask import keyed_hash
from exchange.delivery.projection.projection import Projection
from exchange.delivery.projection.record import Fault, Reason
from exchange.delivery.showing.presenter import KNOWS, SHOW
from exchange.latest.records import are_records
from exchange.subscriptions.conditions import Condition, Op
from tests.support.passes import told_twice
from tests.support.projecting import HASH_KEY, an_item, terms_of, undecided

FIELDS = (
    an_item("code", key=True),
    an_item("name"),
    an_item("age", DataType.INTEGER),
    an_item("amount", DataType.DECIMAL),
    an_item("alive", DataType.BOOLEAN),
    an_item("born", DataType.DATE),
)
ALL = tuple(field.name for field in FIELDS)


way = told_twice(KNOWS, SHOW)


def projection(
    items: Sequence[str] = ALL,
    masks: Mapping[str, Mapping[str, Any]] | None = None,
    conditions: Sequence[Condition] = (),
    known: Sequence[str] = ALL,
) -> Projection:
    """A grant of version 1, which has items of these names."""
    more = [an_item(name) for name in known if name not in ALL]
    return Projection(terms_of({1: [*FIELDS, *more]}, items, masks=masks, conditions=conditions))


RECORD = (
    b'{"code":"a~1","name":"\xe5\xbc\xa0\xe4\xb8\x89","age":30,"amount":1.50,'
    b'"alive":true,"born":"1990-01-01"}'
)
KEY = b"a%7E1"


def shown(made: Projection, value: bytes | None = RECORD, key: bytes = KEY) -> Any:  # noqa: ANN401
    [line] = made.lines(1, [key], [value])
    return None if line is None else json.loads(line)


def test_a_whole_grant_carries_the_providers_own_bytes() -> None:
    [line] = projection().lines(1, [KEY], [RECORD])
    assert line == b'{"op":"upsert","key":"a%7E1","data":' + RECORD + b"}"


def test_only_granted_items_leave() -> None:
    assert shown(projection(["code", "name"]))["data"] == {"code": "a~1", "name": "张三"}


def test_an_item_that_the_version_does_not_have_leaves_with_nobody() -> None:
    line = shown(projection(["code", "name"]), b'{"code":"a~1","name":"x","secret":"y"}')
    assert line["data"] == {"code": "a~1", "name": "x"}


def test_grants_that_show_the_same_share_what_reads_it() -> None:
    """A class for each grant was twenty objects more for the garbage collector to look at."""
    masked = {"name": {"kind": "full"}}
    for masks in (None, masked):
        made = [projection(["code", "name"], masks) for _ in range(2)]
        lines = [shown(each) for each in made]
        assert lines[0] == lines[1]
        one, other = [each._of(1) for each in made]
        assert one is not None
        assert other is not None
        assert one._decoder is other._decoder
    clear, hidden = projection(["code", "name"]), projection(["code", "name"], masked)
    assert shown(clear) != shown(hidden)


def test_numbers_leave_as_they_came() -> None:
    [line] = projection(["code", "amount"]).lines(1, [KEY], [RECORD])
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
        "name": "张***",
        "age": "***",
        "amount": None,
        "alive": True,
        "born": keyed_hash(HASH_KEY, b"1990-01-01", b"born"),
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


def test_a_delete_under_a_filter_of_values_leaves_only_if_the_row_before_it_showed() -> None:
    """It told the key of rows that the filter always hid, or that never were (A6)."""
    made = projection(conditions=[Condition("age", Op.GE, 30)])
    assert made.needs_predecessors
    assert undecided(made, 1, [KEY], [None]) == [0]
    assert shown(made, None) is None
    [line] = made.lines(1, [KEY], [None], left=[0])
    assert json.loads(line or b"") == {"op": "delete", "key": "a%7E1"}


def test_a_row_that_moves_out_of_the_filter_leaves_as_a_delete() -> None:
    """Its copy stayed with the consumer for ever (A6)."""
    made = projection(conditions=[Condition("age", Op.GE, 31)])
    keys, values = [KEY, b"b", KEY], [RECORD, b'{"code":"b","age":40}', RECORD]
    assert undecided(made, 1, keys, values) == [0, 2]
    lines = made.lines(1, keys, values, left=[2])
    assert [line and json.loads(line)["op"] for line in lines] == [None, "upsert", "delete"]


def test_a_delete_is_judged_by_the_key_where_the_filter_is_of_the_key() -> None:
    for prefix, leaves in (("a", True), ("b", False)):
        made = projection(conditions=[Condition("code", Op.PREFIX, prefix)])
        assert not made.needs_predecessors
        assert (shown(made, None) is not None) is leaves


def test_order_is_kept_among_upserts_deletes_and_hidden_rows() -> None:
    made = projection(["code"], conditions=[Condition("age", Op.GE, 30)])
    hidden = b'{"code":"b","age":1}'
    lines = made.lines(1, [KEY, b"b", b"c", KEY], [RECORD, hidden, None, RECORD], left=[2])
    assert [line and json.loads(line)["op"] for line in lines] == [
        "upsert",
        None,
        "delete",
        "upsert",
    ]


@pytest.mark.parametrize(("record", "passes"), [(RECORD, True), (b'{"code":"a","age":1}', False)])
def test_whether_a_record_is_a_row_can_be_asked(record: bytes, passes: bool) -> None:
    made = projection(["code"], conditions=[Condition("age", Op.GE, 30)])
    assert made.passing(1, [record]) == [passes]
    assert made.passing(2, [record]) == [False]
    assert made.passing(None, [record]) == [False]
    assert made.passing(1, [b"", b"{"]) == [False, False]


PARTIAL = {"kind": "partial", "keep_start": 1, "keep_end": 0}
GRANTS = {
    "whole": projection(),
    "narrow": projection(["code", "name"]),
    "masked": projection(masks={"name": PARTIAL}),
    "hashed": projection(["name"], masks={"name": {"kind": "hash"}}),
    "filtered": projection(conditions=[Condition("age", Op.GE, 30)]),
}
FOREIGN = [
    b'{"a":', b'{"name":"\xff\xfe","code":"1","age":30}', b"[1,2]", b"17", b'"text"', b"null",
    b"\x00", b"  ", b'{"code":"x","age":30}{"code":"y"}', b'{"code":"x"}\n{"code":"y"}',
    b'{\n  "code": "x",\n  "age": 30\n}', b'{"code":"x","name":"a\rb","age":30}',
    b'{"code":"\\ud800"}',
    b'{"code":01}', b'{"code":"x",}', b"\xef\xbb\xbf{}",
]  # fmt: skip


@pytest.mark.parametrize("name", GRANTS)
@pytest.mark.parametrize("value", FOREIGN)
def test_what_is_no_record_is_left_out_and_harms_no_neighbour(name: str, value: bytes) -> None:
    """It was a 500 for ever, gave its neighbours other keys, or left as it was (B4, B5)."""
    made = GRANTS[name]
    keys, values = [b"a", b"f", b"b"], [RECORD, value, RECORD]
    faults: list[Fault] = []
    before, foreign, after = made.lines(1, keys, values, faults=faults)
    assert [foreign, faults] == [None, [Fault(1, Reason.VALUE)]]
    assert [before, after] == made.lines(1, [b"a", b"b"], [RECORD, RECORD])
    assert None not in (before, after)
    assert undecided(made, 1, keys, values) == []
    assert are_records([b"f"], [value]) == [False]


@pytest.mark.parametrize("name", GRANTS)
@pytest.mark.parametrize("key", [b"", b"\xff\xfe", b"a\xe5"])
@pytest.mark.parametrize("value", [RECORD, None, b""])
def test_a_record_whose_key_cannot_be_read_is_left_out(
    name: str, key: bytes, value: bytes | None
) -> None:
    made = GRANTS[name]
    faults: list[Fault] = []
    lines = made.lines(1, [b"a", key, b"\xbc\xa0"], [RECORD, value, RECORD], faults=faults)
    assert lines == [made.lines(1, [b"a"], [RECORD])[0], None, None]
    assert sorted(faults) == [Fault(1, Reason.KEY), Fault(2, Reason.KEY)]


def test_a_delete_whose_key_is_none_of_the_version_is_left_out() -> None:
    made = projection(conditions=[Condition("code", Op.NE, "x")])
    faults: list[Fault] = []
    assert made.lines(1, [b"a~b"], [None], faults=faults) == [None]
    assert faults == [Fault(0, Reason.KEY)]


@pytest.mark.parametrize("version", [None, 2])
def test_records_of_no_known_version_are_left_out(version: int | None) -> None:
    faults: list[Fault] = []
    assert projection().lines(version, [KEY, KEY], [RECORD, None], faults=faults) == [None, None]
    assert faults == [Fault(0, Reason.VERSION), Fault(1, Reason.VERSION)]


@pytest.mark.parametrize("name", GRANTS)
def test_a_bare_carriage_return_leaves_no_trace(name: str) -> None:
    """Older builds stored it; the compiled pass took it into the value, unmasked (A9)."""
    stored = b'\t{"code":\r"a~1","name":\r"secret"\r,"age":\r30\r} '
    plain = b'{"code":"a~1","name":"secret","age":30}'
    [line] = GRANTS[name].lines(1, [KEY], [stored])
    [expected] = GRANTS[name].lines(1, [KEY], [plain])
    assert line is not None
    assert expected is not None
    assert b"\r" not in line
    assert json.loads(line) == json.loads(expected)


def test_a_value_of_another_type_than_its_versions_is_still_masked() -> None:
    made = projection(["code", "name"], masks={"name": {"kind": "full"}})
    lines = made.lines(1, [b"a", b"b"], [b'{"code":"a","name":5}', b'{"code":"b","name":"x"}'])
    assert [json.loads(line or b"")["data"]["name"] for line in lines] == ["***", "***"]
