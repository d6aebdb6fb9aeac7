"""Which rows another filter would hide of those that a filter has shown; pure and in doubt strict.

A condition hides nothing where one that held before implies it: each record that passed passes.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from catalog.contracts.model import DataType, Field
from exchange.latest.values import Incomparable, wanted_value
from exchange.subscriptions.conditions import COMPARE, Condition, Op

# Of what one-sided bound (key) each other is a consequence, where its value passes the comparison.
_BOUNDS: Final[Mapping[Op, Mapping[Op, Op]]] = {
    Op.GT: {Op.GT: Op.LE, Op.GE: Op.LE, Op.NE: Op.LE},
    Op.GE: {Op.GT: Op.LT, Op.GE: Op.LE, Op.NE: Op.LT},
    Op.LT: {Op.LT: Op.GE, Op.LE: Op.GE, Op.NE: Op.GE},
    Op.LE: {Op.LT: Op.GT, Op.LE: Op.GE, Op.NE: Op.GT},
}


def hiding(
    before: Sequence[Condition], after: Sequence[Condition], fields: Mapping[str, Field]
) -> list[Condition]:
    """Return the conditions of `after` that may hide what passed all of `before`."""
    return [condition for condition in after if not _is_implied(condition, before, fields)]


def _is_implied(
    condition: Condition, before: Sequence[Condition], fields: Mapping[str, Field]
) -> bool:
    field = fields.get(condition.item)
    return any(
        repr(each) == repr(condition)
        or (field is not None and _implies(each, condition, field.data_type))
        for each in before
        if each.item == condition.item
    )


def _implies(first: Condition, then: Condition, data_type: DataType) -> bool:
    try:
        if first.op in (Op.EQ, Op.IN):
            values = [wanted_value(value, data_type) for value in first.values]
            return all(_passes(value, then, data_type) for value in values)
        if first.op is Op.PREFIX:
            return then.op is Op.PREFIX and str(first.value).startswith(str(then.value))
        if then.op in (Op.IN, Op.PREFIX) or then.op not in _BOUNDS.get(first.op, {}):
            return False
        compare = COMPARE[_BOUNDS[first.op][then.op]]
        bound, value = first.values[0], then.values[0]
        return compare(wanted_value(value, data_type), wanted_value(bound, data_type))
    except Incomparable:
        return False


def _passes(value: Any, condition: Condition, data_type: DataType) -> bool:  # noqa: ANN401 - a value of the type
    wanted = [wanted_value(each, data_type) for each in condition.values]
    return COMPARE[condition.op](value, wanted if condition.op is Op.IN else wanted[0])
