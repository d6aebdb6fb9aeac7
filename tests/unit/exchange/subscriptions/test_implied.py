"""A filter that only widens hides nothing of what another has shown."""

from collections.abc import Mapping
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from catalog.contracts.model import DataType, Field
from exchange.delivery.projection.filters import Test, compile_test
from exchange.subscriptions.conditions import Condition, Op, Value
from exchange.subscriptions.implied import hiding

FIELDS: Mapping[str, Field] = {
    name: Field(name=name, label=name, data_type=data_type, required=False, key=False)
    for name, data_type in (("text", DataType.STRING), ("number", DataType.DECIMAL))
}
VALUES: Mapping[str, tuple[str, ...]] = {
    "text": ("", "4", "45", "450", "4501", "4502", "46"),
    "number": ("-1", "0", "1", "1.0", "1.5", "2", "1e1"),
}


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    item = draw(st.sampled_from(("text", "number")))
    values = st.sampled_from(VALUES[item])
    op = draw(st.sampled_from([op for op in Op if item == "text" or op is not Op.PREFIX]))
    value: Value = draw(values)
    if op is Op.IN:
        value = tuple(draw(st.lists(values, min_size=1, max_size=3)))
    return Condition(item, op, value)


@settings(deadline=None)
@given(st.lists(conditions(), max_size=3), st.lists(conditions(), max_size=3))
@example([Condition("number", Op.GT, "1")], [Condition("number", Op.NE, "1.0")])
@example([Condition("number", Op.GE, "1")], [Condition("number", Op.GT, "1.0")])
def test_what_hides_nothing_shows_each_record_that_was_shown(
    before: list[Condition], after: list[Condition]
) -> None:
    if hiding(before, after, FIELDS):
        return
    was, will = ([(each.item, _test(each)) for each in several] for several in (before, after))
    for text in (*VALUES["text"], "44", "450199"):
        for number in (*VALUES["number"], "0.5", "3"):
            record = {"text": text, "number": number}
            assert not _passes(record, was) or _passes(record, will)


@cache
def _test(condition: Condition) -> Test:
    return compile_test(condition, FIELDS[condition.item].data_type)


def _passes(record: Mapping[str, str], tests: list[tuple[str, Test]]) -> bool:
    return all(test(record[item]) for item, test in tests)


@pytest.mark.parametrize(
    ("before", "after", "hides"),
    [
        ((Op.PREFIX, "4501"), (Op.PREFIX, "45"), False),
        ((Op.PREFIX, "45"), (Op.PREFIX, "4501"), True),
        ((Op.EQ, "4501"), (Op.IN, ("4501", "4502")), False),
        ((Op.IN, ("4501", "4502")), (Op.EQ, "4501"), True),
        ((Op.IN, ("4501", "4502")), (Op.NE, "46"), False),
        ((Op.GT, "45"), (Op.GE, "45"), False),
        ((Op.GE, "45"), (Op.GT, "45"), True),
        ((Op.LE, "45"), (Op.LT, "450"), False),
        ((Op.NE, "45"), (Op.NE, "45"), False),
        ((Op.NE, "45"), (Op.NE, "46"), True),
    ],
)
def test_one_condition_in_place_of_another(
    before: tuple[Op, Value], after: tuple[Op, Value], *, hides: bool
) -> None:
    wanted = Condition("text", *after)
    assert hiding([Condition("text", *before)], [wanted], FIELDS) == ([wanted] if hides else [])


def test_no_condition_hides_nothing_and_one_on_another_item_may() -> None:
    held = Condition("text", Op.EQ, "45")
    assert hiding([held], [], FIELDS) == []
    assert hiding([], [held], FIELDS) == [held]
    other = Condition("number", Op.EQ, "45")
    assert hiding([held], [other], FIELDS) == [other]
    # `true` is no 1; of an item that the version in force does not have only the same is known.
    gone = Condition("gone", Op.EQ, 1)
    assert hiding([gone], [gone], FIELDS) == []
    assert hiding([gone], [Condition("gone", Op.EQ, True)], FIELDS)
