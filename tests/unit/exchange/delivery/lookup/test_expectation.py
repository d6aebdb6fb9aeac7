"""Verifying makes the same comparisons for what is absent, hidden, wrong and right."""

from collections import Counter
from typing import Any

from catalog.contracts.model import DataType
from catalog.contracts.published import RecordItem
from exchange.delivery.lookup.expectation import NOTHING, comparisons
from exchange.delivery.projection.filters import Test, compile_test
from exchange.delivery.projection.mask import Kind, Mask
from exchange.delivery.projection.views import ShownItem, VersionView
from exchange.subscriptions.conditions import Condition, Op

ITEMS = (
    RecordItem("id", DataType.STRING, key=True, element="DE-id"),
    RecordItem("name", DataType.STRING, key=False, element="DE-name"),
    RecordItem("born", DataType.DATE, key=False, element="DE-born"),
    RecordItem("region", DataType.CODE, key=False, element="DE-region"),
)
VIEW = VersionView(
    (
        ShownItem("id", "id", Mask(Kind.HASH)),
        ShownItem("name", "name", Mask(Kind.FULL)),
        ShownItem("born", "born", None),
    ),
    ((Condition("region", Op.PREFIX, "4501"), ITEMS[3]),),
    ITEMS,
    b"k" * 32,
)
EXPECT = {"name": "韦某", "born": "1990-01-02"}
RIGHT = '{"id":"1","name":"韦某","born":"1990-01-02","region":"450101"}'


def mismatched(value: bytes, counted: Counter[str]) -> list[str]:
    def counting(condition: Condition, data_type: DataType) -> Test:
        test = compile_test(condition, data_type)

        def once(each: Any) -> bool:  # noqa: ANN401 - any JSON
            counted[condition.item] += 1
            return test(each)

        return once

    return comparisons(VIEW, EXPECT, counting).mismatched(value)


def test_true_values_are_compared_whatever_their_masks() -> None:
    assert mismatched(RIGHT.encode(), Counter()) == []
    assert mismatched(RIGHT.replace("韦", "黄").encode(), Counter()) == ["name"]
    assert mismatched(RIGHT.replace("1990", "1991").encode(), Counter()) == ["born"]


def test_what_is_absent_hidden_wrong_or_right_costs_the_same_comparisons() -> None:
    hidden = RIGHT.replace("450101", "450201")
    wrong = RIGHT.replace("韦", "黄").replace("1990", "1991")
    counts = []
    for value in (NOTHING, hidden.encode(), wrong.encode(), RIGHT.encode()):
        counted = Counter[str]()
        mismatched(value, counted)
        counts.append(counted)
    assert counts == [Counter(name=1, born=1, region=1)] * 4


def test_a_hidden_row_and_an_absent_one_are_told_alike() -> None:
    hidden = RIGHT.replace("450101", "450201").encode()
    assert mismatched(hidden, Counter()) == mismatched(NOTHING, Counter()) == ["name", "born"]
