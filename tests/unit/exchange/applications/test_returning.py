"""A return flow holds the rows of the applicant's own division, and is given whole (Art 24)."""

from datetime import date

import pytest

from catalog.contracts.model import DataType, Field
from exchange.applications.narrowing import Narrowing
from exchange.applications.returning import check_whole, holds_own_rows
from exchange.subscriptions.conditions import Condition, Op, Value
from kernel.errors import Invalid

FIELDS = {
    name: Field(name=name, label=name, data_type=data_type, required=True, key=False)
    for name, data_type in (("division", DataType.CODE), ("amount", DataType.INTEGER))
}


@pytest.mark.parametrize(
    ("op", "value", "is_own"),
    [
        (Op.PREFIX, "4501", True),
        (Op.PREFIX, "450103", True),
        (Op.PREFIX, "45", False),
        (Op.PREFIX, "4502", False),
        (Op.EQ, "450100", True),
        (Op.EQ, "450103001", True),
        (Op.EQ, "450200", False),
        (Op.IN, ("450103", "450105"), True),
        (Op.IN, ("450103", "450203"), False),
        (Op.NE, "450200", False),
        (Op.GE, "450100", False),
    ],
)
def test_a_condition_holds_to_the_division_or_not(op: Op, value: Value, *, is_own: bool) -> None:
    assert holds_own_rows(Condition("division", op, value), "450100", FIELDS) is is_own


def test_a_division_is_no_number_and_an_item_of_the_entry() -> None:
    assert not holds_own_rows(Condition("amount", Op.EQ, 450100), "450100", FIELDS)
    assert not holds_own_rows(Condition("other", Op.EQ, "450100"), "450100", FIELDS)


def test_nothing_is_set_when_it_is_agreed_to() -> None:
    check_whole(Narrowing(items=("b", "a"), note="按第二十四条回流"), ["a", "b"])
    said = Narrowing(
        items=("a",),
        row_filter=(Condition("division", Op.EQ, "450103"),),
        records_per_day=1,
        valid_until=date(2026, 12, 31),
    )
    with pytest.raises(Invalid) as refused:
        check_whole(said, ["a", "b"])
    assert {(each.path, each.code) for each in refused.value.errors} == {
        (path, "fixed") for path in ("items", "row_filter", "records_per_day", "valid_until")
    }
