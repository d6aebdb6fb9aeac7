"""What a query asks for, as stretches of the index and exact tests of records; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec
from msgspec import UNSET, Raw

from catalog.contracts.keys import join_key
from catalog.contracts.model import DataType, Field
from catalog.contracts.published import RecordItem
from exchange.delivery.grant_plans import GrantPlan
from exchange.delivery.projection.filters import Test, compile_test, never
from exchange.delivery.projection.views import VersionView
from exchange.latest.reading import Arm, LatestRecord
from exchange.latest.terms import HIGHEST, TERM_BYTES, term_of
from exchange.latest.values import Incomparable, wanted_value
from exchange.subscriptions import conditions
from exchange.subscriptions.conditions import Condition, Op, Scalar
from kernel.errors import FieldErrors

KEY_OPS: Final = frozenset({Op.EQ, Op.IN})
# The condition that leads to rows: the first kind of these that there is.
_BY_COST: Final = (Op.EQ, Op.IN, Op.PREFIX, Op.GE, Op.GT, Op.LE, Op.LT)
_decode: Final = msgspec.json.Decoder(dict[str, Raw]).decode


@dataclass(frozen=True, slots=True)
class Search:
    """`key` is the one record that can pass; else `arms` lead to those that can, none to all.

    `element` is the one whose index the arms need.
    """

    conditions: Sequence[Condition]
    key: bytes | None = None
    arms: Sequence[Arm] = ()
    element: str | None = None


def search(plan: GrantPlan, wanted: Sequence[Condition]) -> Search:
    """Return how to find what is asked for; raises Invalid for what may not be asked."""
    view = plan.projection.view(plan.version)
    _check(view, wanted)
    key = _key(view, wanted)
    if key is not None:
        return Search(wanted, key)
    fields = _fields(view)
    searched = [each for each in wanted if each.op in _BY_COST]
    if not searched:
        return Search(wanted)
    leading = min(searched, key=lambda each: _BY_COST.index(each.op))
    arms = dict.fromkeys(
        arm
        for version in sorted(plan.versions)
        if (field := _fields(plan.projection.view(version)).get(leading.item)) is not None
        for arm in _arms(leading, field)
    )
    return Search(wanted, arms=list(arms), element=fields[leading.item].element)


def passing(plan: GrantPlan, found: Search, rows: Sequence[LatestRecord]) -> list[LatestRecord]:
    """Return the rows that pass every condition, each read by its own version."""
    tests: dict[int, Sequence[tuple[str | None, Test]]] = {}
    passed = []
    for row in rows:
        if row.version not in tests:
            tests[row.version] = _tests(plan, found, row.version)
        record = _decode(row.value)
        if all(test(_of(record, item)) for item, test in tests[row.version]):
            passed.append(row)
    return passed


def _of(record: Mapping[str, Raw], item: str | None) -> Any:  # noqa: ANN401 - any JSON
    return UNSET if item is None else record.get(item, UNSET)


def _tests(plan: GrantPlan, found: Search, version: int) -> list[tuple[str | None, Test]]:
    if version not in plan.versions:
        return [(None, never)]
    fields = _fields(plan.projection.view(version))
    return [
        (None, never)
        if (field := fields.get(each.item)) is None
        else (field.name, compile_test(each, field.data_type))
        for each in found.conditions
    ]


def _fields(view: VersionView) -> dict[str, RecordItem]:
    """Return the items of a version that may be asked for, by the names that ask for them."""
    by_name = {field.name: field for field in view.fields}
    named = {item.granted: by_name[item.name] for item in view.items}
    return {field.name: field for field in view.key_items} | named


def _check(view: VersionView, wanted: Sequence[Condition]) -> None:
    """Raise Invalid: granted, unmasked items that are searchable, and items of the key.

    Of a masked key whole values may be asked for, whose owner the consumer must know.
    """
    errors = FieldErrors()
    fields = _fields(view)
    # A value of another edition is not the one that is stored.
    clear = {item.granted for item in view.items if item.mask is None and item.crosswalk is None}
    conditions.check(wanted, cast("Mapping[str, Field]", fields), errors, "where")
    for index, condition in enumerate(wanted):
        field = fields.get(condition.item)
        if field is None:
            continue
        if field.key and condition.item not in clear and condition.op not in KEY_OPS:
            zh = f"{condition.item} 未同意或须脱敏，只能用 eq、in 整体匹配"
            en = f"{condition.item} is masked or not granted: only eq and in may ask for it"
            errors.add(f"where[{index}].op", "filter_not_granted", zh, en, allowed=sorted(KEY_OPS))
        elif not field.key and (condition.item not in clear or not field.searchable):
            zh = f"{condition.item} 须脱敏、换版次，或未登记为可查询"
            en = f"{condition.item} is masked, of another edition, or not searchable"
            errors.add(f"where[{index}].item", "filter_not_granted", zh, en)
    errors.raise_if_any()


def _key(view: VersionView, wanted: Sequence[Condition]) -> bytes | None:
    """Return the key where every item of it is asked for by one value."""
    values = {each.item: each.value for each in wanted if each.op is Op.EQ}
    items = view.key_items
    if not all(item.name in values for item in items):
        return None
    if any(item.data_type is not DataType.STRING and item.data_type is not DataType.CODE
           for item in items):  # fmt: skip
        # Numbers and moments are written in many ways, and keys hold them as they came.
        return None
    return join_key([str(values[item.name]) for item in items])


def _arms(condition: Condition, field: RecordItem) -> list[Arm]:
    """Return the stretches of a version's item that hold every row which passes."""
    return [
        Arm(field.name, low, high)
        for low, high in (
            _bounds(condition.op, value, field.data_type) for value in condition.values
        )
        if low < high
    ]


def _bounds(op: Op, value: Scalar, data_type: DataType) -> tuple[bytes, bytes]:
    try:
        term = term_of(data_type, wanted_value(value, data_type))
    except Incomparable:
        return b"", b""
    after = term + b"\x00"
    if op in (Op.GE, Op.GT):
        return term, HIGHEST
    if op in (Op.LE, Op.LT):
        return b"", after
    if op is Op.PREFIX:
        return term, term + b"\xff" * (TERM_BYTES + 1 - len(term))
    return term, after
