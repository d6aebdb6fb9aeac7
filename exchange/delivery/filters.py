"""Row filters on decoded values: a record shows only if every condition holds (P3); pure."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from catalog.contracts.model import DataType
from exchange.subscriptions.conditions import Condition, Op

Test = Callable[[Any], bool]
Comparable = Callable[[Any], Any]

AS_COMPARABLE: Mapping[DataType, Comparable] = {
    DataType.STRING: str,
    DataType.CODE: str,
    DataType.INTEGER: int,
    DataType.DECIMAL: lambda value: Decimal(str(value)),
    DataType.BOOLEAN: bool,
    DataType.DATE: date.fromisoformat,
    DataType.DATETIME: datetime.fromisoformat,
}
COMPARE: Mapping[Op, Callable[[Any, Any], bool]] = {
    Op.EQ: lambda left, right: bool(left == right),
    Op.NE: lambda left, right: bool(left != right),
    Op.GT: lambda left, right: bool(left > right),
    Op.GE: lambda left, right: bool(left >= right),
    Op.LT: lambda left, right: bool(left < right),
    Op.LE: lambda left, right: bool(left <= right),
    Op.IN: lambda left, right: left in right,
    Op.PREFIX: lambda left, right: left.startswith(right),
}


def compile_test(condition: Condition, data_type: DataType) -> Test:
    """Return the test of one value; what is missing, null or of another type does not pass."""
    comparable, compare = AS_COMPARABLE[data_type], COMPARE[condition.op]
    wanted: Any
    if isinstance(condition.value, tuple):
        wanted = frozenset(comparable(value) for value in condition.value)
    else:
        wanted = comparable(condition.value)

    def test(value: Any) -> bool:  # noqa: ANN401 - any JSON scalar
        if value is None:
            return False
        try:
            return compare(comparable(value), wanted)
        except (TypeError, ValueError, InvalidOperation):
            return False

    return test


def compile_filter(
    conditions: Sequence[Condition], types: Mapping[str, DataType]
) -> list[tuple[str, Test]]:
    """Return item and test of each condition; an item of no known type compares as text."""
    return [
        (condition.item, compile_test(condition, types.get(condition.item, DataType.STRING)))
        for condition in conditions
    ]
