from dataclasses import replace
from decimal import Decimal

import pytest

from catalog.contracts.model import Checker, Contract, DataType, Field
from catalog.rules.compatibility import BREAKING, Change, Kind, compare
from tests.unit.catalog.contracts.samples import EVERYTHING, contract, item

KEY = item("id", DataType.STRING, key=True)
TEXT = item("t", DataType.STRING, required=False, min_length=2, max_length=9, pattern="a+")
WHOLE = item("n", DataType.INTEGER, minimum=Decimal(1), maximum=Decimal(9))
PRICE = item("d", DataType.DECIMAL, precision=6, scale=2)
CODE = item("c", DataType.CODE, values=("1", "2"))


def changes(old: Field, new: Field) -> list[tuple[Kind, str]]:
    return [
        (each.kind, each.rule) for each in compare(contract(KEY, old), contract(KEY, new)).changes
    ]


def test_the_same_contract_has_no_changes() -> None:
    verdict = compare(EVERYTHING, EVERYTHING)
    assert verdict.changes == ()
    assert verdict.backward_compatible


def test_an_optional_item_may_be_added_and_a_required_one_may_not() -> None:
    verdict = compare(contract(KEY), contract(KEY, TEXT))
    assert verdict.changes == (Change(Kind.ITEM_ADDED, "t"),)
    assert verdict.backward_compatible
    verdict = compare(contract(KEY), contract(KEY, WHOLE))
    assert verdict.changes == (Change(Kind.REQUIRED_ITEM_ADDED, "n"),)
    assert not verdict.backward_compatible


def test_an_item_removed_breaks_who_was_granted_it() -> None:
    verdict = compare(contract(KEY, TEXT), contract(KEY))
    assert verdict.changes == (Change(Kind.ITEM_REMOVED, "t"),)
    assert not verdict.backward_compatible


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (contract(KEY, WHOLE), contract(KEY, replace(WHOLE, key=True))),
        (contract(KEY, replace(WHOLE, key=True)), contract(replace(WHOLE, key=True), KEY)),
    ],
)
def test_another_key_or_another_order_of_it_is_a_break(old: Contract, new: Contract) -> None:
    verdict = compare(old, new)
    assert verdict.changes[0] == Change(Kind.KEY_CHANGED)
    assert not verdict.backward_compatible


@pytest.mark.parametrize(
    ("old", "change", "found"),
    [
        (TEXT, {"label": "新名"}, [(Kind.RELABELLED, "")]),
        (TEXT, {"required": True}, [(Kind.BECAME_REQUIRED, "")]),
        (WHOLE, {"required": False}, [(Kind.BECAME_OPTIONAL, "")]),
        (WHOLE, {"data_type": DataType.DECIMAL}, [(Kind.TYPE_CHANGED, "")]),
        (TEXT, {"max_length": 8}, [(Kind.NARROWED, "length")]),
        (
            TEXT,
            {"max_length": None, "pattern": None},
            [(Kind.WIDENED, "length"), (Kind.WIDENED, "pattern")],
        ),
        (
            TEXT,
            {"min_length": 1, "max_length": 3},
            [(Kind.NARROWED, "length"), (Kind.WIDENED, "length")],
        ),
        (TEXT, {"pattern": "b+"}, [(Kind.NARROWED, "pattern")]),
        (TEXT, {"checker": Checker.MOBILE}, [(Kind.NARROWED, "checker")]),
        (TEXT, {"data_type": DataType.CODE, "values": ("aa",)}, [(Kind.NARROWED, "values")]),
        (CODE, {"values": ("1", "2", "3")}, [(Kind.WIDENED, "values")]),
        (CODE, {"values": ("2", "3")}, [(Kind.NARROWED, "values"), (Kind.WIDENED, "values")]),
        (CODE, {"values": ("2", "1")}, []),
        (CODE, {"values": None}, [(Kind.WIDENED, "values")]),
        (WHOLE, {"maximum": Decimal(8)}, [(Kind.NARROWED, "range")]),
        (WHOLE, {"minimum": None}, [(Kind.WIDENED, "range")]),
        (PRICE, {"minimum": Decimal(0)}, [(Kind.NARROWED, "range")]),
        (PRICE, {"precision": 8}, [(Kind.WIDENED, "digits")]),
        (PRICE, {"scale": 3}, [(Kind.NARROWED, "digits"), (Kind.WIDENED, "digits")]),
    ],
)
def test_each_change_of_an_item_is_named(
    old: Field, change: dict[str, object], found: list[tuple[Kind, str]]
) -> None:
    new: Field = replace(old, **change)  # type: ignore[arg-type]
    assert changes(old, new) == found
    broken = any(kind in BREAKING for kind, _ in found)
    assert compare(contract(KEY, old), contract(KEY, new)).backward_compatible is not broken
