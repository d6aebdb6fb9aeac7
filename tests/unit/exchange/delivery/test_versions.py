"""Records are read by the version they were published under; a grant holds elements (P3)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.contracts.model import DataType
from catalog.contracts.published import RecordItem
from exchange.delivery.projection.mask import Mask, compile_mask, keyed_hash, strictest
from exchange.delivery.projection.projection import COMPILED_MAX, Projection
from exchange.delivery.projection.record import Fault, Reason
from exchange.delivery.projection.views import Terms, masks_in_force
from exchange.delivery.showing.presenter import KNOWS, SHOW
from exchange.subscriptions.conditions import OPS, Condition, Op
from tests.support.passes import told_twice
from tests.support.projecting import HASH_KEY, an_item, terms_of, undecided

T = DataType
FULL, NULL, HASH = {"kind": "full"}, {"kind": "null"}, {"kind": "hash"}
PARTIAL = {"kind": "partial", "keep_start": 2, "keep_end": 1}

Stored = Mapping[str, Any] | None

way = told_twice(KNOWS, SHOW)


def shown(terms: Terms, version: int, record: Mapping[str, Any], key: bytes = b"k") -> Any:  # noqa: ANN401
    value = json.dumps(record, ensure_ascii=False).encode()
    [line] = Projection(terms).lines(version, [key], [value])
    return None if line is None else json.loads(line)


def test_a_key_is_clear_only_if_the_items_of_its_own_version_are_granted() -> None:
    """Version 2 has another key: old records showed the resident id as `key` (A2)."""
    versions = {
        1: [an_item("resident_id", key=True), an_item("case_no")],
        2: [an_item("resident_id"), an_item("case_no", key=True)],
    }
    terms = terms_of(versions, ["case_no"], agreed=2)
    old = shown(terms, 1, {"resident_id": "4501", "case_no": "c"}, b"4501")
    assert old["key"] == keyed_hash(HASH_KEY, b"4501")
    assert shown(terms, 2, {"resident_id": "4501", "case_no": "c"}, b"c")["key"] == "c"


def test_records_of_a_version_that_nobody_knows_any_more_are_left_out_and_named() -> None:
    """Forgotten by a restored database and by the log: its subscribers heard 503 for ever."""
    versions = {1: [an_item("a", key=True)], 2: []}
    made = Projection(terms_of(versions, ["a"], agreed=1, in_force=1))
    faults: list[Fault] = []
    assert made.versions == {1, 2}
    assert made.lines(2, [b"x", b"y"], [b'{"a":"x"}', None], faults=faults) == [None, None]
    assert faults == [Fault(0, Reason.VERSION), Fault(1, Reason.VERSION)]
    assert not made.needs_predecessors


def test_an_old_delete_is_read_by_the_key_of_its_own_version() -> None:
    """With two key items in version 2 it could not be split: 500 on every pull for ever (A5)."""
    versions = {
        1: [an_item("a", key=True), an_item("b")],
        2: [an_item("a", key=True), an_item("b", key=True)],
    }
    made = Projection(terms_of(versions, ["a"], conditions=[Condition("a", Op.EQ, "x")]))
    assert [made.lines(1, [key], [None])[0] is not None for key in (b"x", b"y")] == [True, False]
    assert made.lines(2, [b"x~1"], [None])[0] is not None


def test_a_name_that_is_bound_to_another_element_is_not_granted() -> None:
    """`contact` was the office's phone, and then a resident id: old grants delivered it (A3)."""
    versions = {
        1: [an_item("id", key=True), an_item("contact", element="DE-phone")],
        2: [an_item("id", key=True), an_item("contact", element="DE-resident-id")],
    }
    terms = terms_of(versions, ["id", "contact"])
    assert shown(terms, 1, {"id": "k", "contact": "0771"})["data"] == {"id": "k", "contact": "0771"}
    assert shown(terms, 2, {"id": "k", "contact": "4501"})["data"] == {"id": "k"}


def test_a_renamed_item_stays_granted_under_its_new_name_with_its_mask_and_hash() -> None:
    old, new = an_item("phone"), an_item("mobile", element="DE-phone")
    versions = {1: [an_item("id", key=True), old], 2: [an_item("id", key=True), new]}
    terms = terms_of(versions, ["id", "phone"], masks={"phone": HASH})
    before = shown(terms, 1, {"id": "k", "phone": "1377"})["data"]["phone"]
    assert shown(terms, 2, {"id": "k", "mobile": "1377"})["data"] == {"id": "k", "mobile": before}


@pytest.mark.parametrize(
    "after",
    [
        # The spouse stays, and the holder is gone: nothing was renamed.
        ["spouse"],
        # Both have new names: nobody can say which is which.
        ["one", "other"],
        # The holder is gone, and the spouse has a new name.
        ["partner"],
        # One of two new ones may be the holder.
        ["spouse", "one", "other"],
    ],
)
def test_an_item_of_the_same_element_does_not_slip_in_for_a_granted_one(after: list[str]) -> None:
    rid = "DE-resident-id"
    versions = {
        1: [an_item("id", key=True), *(an_item(n, element=rid) for n in ("holder", "spouse"))],
        2: [an_item("id", key=True), *(an_item(name, element=rid) for name in after)],
    }
    terms = terms_of(versions, ["id", "holder"])
    assert shown(terms, 2, {"id": "k", **dict.fromkeys(after, "4501")})["data"] == {"id": "k"}


@pytest.mark.parametrize(
    ("before", "after", "condition", "hidden"),
    [
        # Version 2 dropped it, and "9" compared with 18 as text (A4).
        (None, {"age": 9}, Condition("age", Op.GE, 18), 1),
        # Cut to an integer, 18.9 was at most 18.
        (T.INTEGER, {"age": 18.9}, Condition("age", Op.LE, 18), 1),
        (T.BOOLEAN, {"age": "false"}, Condition("age", Op.EQ, "true"), 1),
    ],
)
def test_a_filter_compares_by_the_type_of_the_records_version(
    before: DataType | None, after: Mapping[str, Any], condition: Condition, hidden: int
) -> None:
    kind = {int: T.INTEGER, float: T.DECIMAL, str: T.STRING}[type(after["age"])]
    later = [] if before is None else [an_item("age", before, element="DE-other")]
    versions = {
        1: [an_item("id", key=True), an_item("age", kind)],
        2: [an_item("id", key=True), *later],
    }
    terms = terms_of(versions, ["id"], conditions=[condition])
    assert shown(terms, hidden, {"id": "k", **after}) is None


def test_a_row_without_the_filtered_item_in_its_version_does_not_pass() -> None:
    versions = {
        1: [an_item("id", key=True), an_item("age", T.INTEGER)],
        2: [an_item("id", key=True)],
    }
    terms = terms_of(versions, ["id"], conditions=[Condition("age", Op.GE, 18)])
    assert shown(terms, 1, {"id": "k", "age": 30}) is not None
    made = Projection(terms)
    value = b'{"id":"k","age":30}'
    assert made.lines(2, [b"k"], [value]) == [None]
    # The row that was shown leaves: it is told, once it is known that it was.
    assert undecided(made, 2, [b"k"], [value]) == [0]
    assert made.lines(2, [b"k"], [value], left=[0]) == [b'{"op":"delete","key":"k"}']


@pytest.mark.parametrize(
    ("agreed", "own", "now", "holds"),
    [
        # The agreed mask won over a stricter one in force (A12).
        (PARTIAL, None, FULL, FULL),
        (FULL, None, PARTIAL, FULL),
        (None, HASH, PARTIAL, HASH),
        (None, FULL, None, FULL),
        (PARTIAL, {**PARTIAL, "keep_start": 1}, {**PARTIAL, "keep_end": 0},
         {"kind": "partial", "keep_start": 1, "keep_end": 0}),
        (NULL, None, FULL, NULL),
    ],
)  # fmt: skip
def test_the_strictest_of_three_masks_holds(
    agreed: Stored, own: Stored, now: Stored, holds: Mapping[str, Any]
) -> None:
    key = an_item("id", key=True)
    versions = {
        1: [key, an_item("name", mask=own)],
        2: [key, an_item("name")],
        3: [key, an_item("name", mask=now)],
    }
    masks = {} if agreed is None else {"name": agreed}
    terms = terms_of(versions, ["id", "name"], masks=masks, agreed=2)
    expected = compile_mask(Mask.of(holds), HASH_KEY, "name").texts(["张三丰之"])
    assert [shown(terms, 1, {"id": "k", "name": "张三丰之"})["data"]["name"]] == expected


def test_the_masks_in_force_are_told_by_the_granted_names() -> None:
    """The view of a subscription showed `{}` where version 2 masks (A12)."""
    versions = {
        1: [an_item("id", key=True), an_item("name"), an_item("phone"), an_item("gone")],
        2: [an_item("id", key=True), an_item("name", mask=FULL),
            an_item("mobile", element="DE-phone", mask=PARTIAL)],
    }  # fmt: skip
    terms = terms_of(versions, ["id", "name", "phone", "gone"], masks={"gone": HASH})
    assert masks_in_force(terms) == {"name": FULL, "phone": PARTIAL, "gone": HASH}
    lifted = replace(terms, unmasked=frozenset({"name"}))
    assert "name" not in masks_in_force(lifted)


def test_a_lifted_mask_stays_lifted_in_every_version() -> None:
    versions = {1: [an_item("id", key=True), an_item("name", mask=PARTIAL)]}
    versions[2] = [an_item("id", key=True), an_item("name", mask=FULL)]
    terms = terms_of(versions, ["id", "name"], unmasked=["name"])
    for version in versions:
        assert shown(terms, version, {"id": "k", "name": "张三"})["data"]["name"] == "张三"


def test_versions_are_compiled_when_they_are_met_and_few_are_kept() -> None:
    versions = {n: [an_item("id", key=True)] for n in range(1, 3 * COMPILED_MAX)}
    made = Projection(terms_of(versions, ["id"]))
    assert not made._compiled
    for version in versions:
        assert made.lines(version, [b"k"], [b'{"id":"k"}']) != [None]
        assert len(made._compiled) <= COMPILED_MAX


# The model: what a grant shows, said as plainly as it can be said.

ELEMENTS = {
    "DE-a": T.STRING,
    "DE-b": T.INTEGER,
    "DE-c": T.DECIMAL,
    "DE-d": T.BOOLEAN,
    "DE-e": T.DATE,
}
VALUES: Mapping[DataType, Sequence[Any]] = {
    T.STRING: ["", "a", "张三丰", '"\\', None],
    T.INTEGER: [0, -3, 17, None],
    T.DECIMAL: ["1.50", 2, "2.0", None],
    T.BOOLEAN: [True, False, None],
    T.DATE: ["2026-01-01", "2026-02-01", None],
}
WANTED: Mapping[DataType, Sequence[Any]] = {
    kind: [value for value in values if value is not None] for kind, values in VALUES.items()
}
MASKS = st.sampled_from([None, None, FULL, NULL, HASH, PARTIAL, {**PARTIAL, "keep_start": 0}])
NAMES = ["k", "m", "n", "o", "p"]


@st.composite
def versions(draw: st.DrawFn) -> dict[int, list[RecordItem]]:
    made = {}
    for number in range(1, draw(st.integers(1, 3)) + 1):
        names = draw(st.permutations(NAMES))[: draw(st.integers(1, 5))]
        items = []
        for place, name in enumerate(names):
            element = draw(st.sampled_from(sorted(ELEMENTS)))
            key = place == 0
            element = "DE-a" if key else element
            items.append(RecordItem(name, ELEMENTS[element], key, element, draw(MASKS)))
        made[number] = items
    return made


@st.composite
def grants(draw: st.DrawFn) -> Terms:
    known = draw(versions())
    agreed, in_force = (draw(st.sampled_from(sorted(known))) for _ in range(2))
    fields = known[agreed]
    items = draw(st.lists(st.sampled_from(fields), unique_by=lambda f: f.name, min_size=1))
    conditions = []
    for field in draw(st.lists(st.sampled_from(fields), max_size=2)):
        op = draw(st.sampled_from(sorted(OPS[field.data_type] - {Op.IN})))
        conditions.append(Condition(field.name, op, draw(st.sampled_from(WANTED[field.data_type]))))
    return terms_of(
        known,
        [field.name for field in items],
        masks={field.name: mask for field in items if (mask := draw(MASKS)) is not None},
        unmasked=[field.name for field in items if draw(st.integers(0, 4)) == 0],
        conditions=conditions,
        agreed=agreed,
        in_force=in_force,
    )


def name_in(terms: Terms, item: str, number: int) -> str | None:
    bound = {(i.name, i.element) for i in terms.versions[number].items}
    agreed = {(i.name, i.element) for i in terms.versions[terms.agreed].items}
    element = dict(agreed)[item]
    if (item, element) in bound:
        return item
    gone = [name for name, e in agreed - bound if e == element]
    new = [name for name, e in bound - agreed if e == element]
    return new[0] if gone == [item] and len(new) == 1 else None


def holds(condition: Condition, kind: DataType, value: Any) -> bool:  # noqa: ANN401
    if value is None:
        return False
    read: Any = {T.DECIMAL: Decimal, T.DATE: date.fromisoformat}.get(kind, lambda value: value)
    left, right = read(value), read(condition.value)
    said = {
        Op.EQ: left == right,
        Op.NE: left != right,
        Op.PREFIX: kind is T.STRING and left.startswith(right),
    }
    if condition.op in said:
        return bool(said[condition.op])
    ordered = {Op.GT: left > right, Op.GE: left >= right, Op.LT: left < right}
    return bool(ordered.get(condition.op, left <= right))


def mask_of(terms: Terms, item: str, number: int) -> Mask | None:
    if item in terms.unmasked:
        return None
    said = [terms.masks.get(item)]
    for each in (number, terms.in_force):
        name = name_in(terms, item, each)
        said += [i.mask for i in terms.versions[each].items if i.name == name]
    return strictest([Mask.of(mask) for mask in said if mask is not None])


def model(terms: Terms, number: int, key: str, record: Mapping[str, Any]) -> Any:  # noqa: ANN401
    kinds = {item.name: item for item in terms.versions[number].items}
    for condition in terms.conditions:
        name = name_in(terms, condition.item, number)
        if name is None or not holds(condition, kinds[name].data_type, record.get(name)):
            return None
    data, clear = {}, set()
    for item in terms.items:
        name = name_in(terms, item, number)
        if name is None:
            continue
        mask = mask_of(terms, item, number)
        if mask is None:
            clear.add(name)
        if name in record:
            data[name] = record[name] if mask is None else masked(mask, item, record[name])
    whole = {i.name for i in kinds.values() if i.key} <= clear
    return {
        "op": "upsert",
        "key": key if whole else keyed_hash(HASH_KEY, key.encode()),
        "data": data,
    }


def masked(mask: Mask, item: str, value: Any) -> Any:  # noqa: ANN401
    column = compile_mask(mask, HASH_KEY, item)
    if isinstance(value, str):
        return column.texts([value])[0]
    token = json.dumps(value)
    return (
        column.word(token) if value is None or isinstance(value, bool) else column.texts([token])[0]
    )


@settings(max_examples=400, deadline=None)
@given(grants(), st.data())
def test_a_grant_shows_what_the_model_shows(terms: Terms, data: st.DataObject) -> None:
    number = data.draw(st.sampled_from(sorted(terms.versions)))
    records = []
    for nth in range(data.draw(st.integers(1, 4))):
        record = {
            item.name: data.draw(st.sampled_from(VALUES[item.data_type]))
            for item in terms.versions[number].items
            if item.key or data.draw(st.booleans())
        }
        records.append((f"key{nth}", record))
    made = Projection(terms)
    lines = made.lines(
        number,
        [key.encode() for key, _ in records],
        [json.dumps(record).encode() for _, record in records],
    )
    expected = [model(terms, number, key, record) for key, record in records]
    assert [line and json.loads(line) for line in lines] == expected
    for (_key, record), line in zip(records, expected, strict=True):
        assert made.passing(number, [json.dumps(record).encode()]) == [line is not None]
