"""Whether records can be checked by a contract at all."""

from collections import Counter
from collections.abc import Iterator

from catalog.contracts.errors import UnusableContract
from catalog.contracts.model import Contract, DataType, Field
from catalog.contracts.numbers import INTEGER_MAX, INTEGER_MIN, integer_bounds
from catalog.contracts.patterns import check_pattern
from kernel.errors import FieldError


def check_contract(contract: Contract) -> None:
    """Raises UnusableContract with an error for each item, or UnsafePattern."""
    errors = [error for field in contract.fields for error in _field_errors(field)]
    if not contract.key_fields:
        errors.append(FieldError("items", "missing", "至少要有一个主键项", "A key item is needed"))
    names = Counter(field.name for field in contract.fields)
    errors += [
        FieldError(name, "duplicate_key", f"信息项“{name}”重复", f"Item {name} stands twice")
        for name, count in names.items()
        if count > 1
    ]
    if errors:
        raise UnusableContract(errors=errors)
    for field in contract.fields:
        if field.textual and field.pattern is not None:
            check_pattern(field.pattern)


def _field_errors(field: Field) -> Iterator[FieldError]:
    label = field.label
    if field.min_length is not None and field.min_length < 0:
        yield _bound(field, f"“{label}”的最小长度为负", f"{label}: the least length is negative")
    if field.max_length is not None and field.max_length < max(field.min_length or 0, 1):
        yield _bound(
            field, f"“{label}”的最大长度过小", f"{label}: the greatest length is too small"
        )
    if _crossed(field):
        yield _bound(field, f"“{label}”的最小值大于最大值", f"{label}: minimum is above maximum")
    if field.data_type is DataType.INTEGER and _beyond_integers(field):
        yield _bound(
            field, f"“{label}”的范围内没有 64 位整数", f"{label}: no 64-bit integer is within"
        )
    if field.precision is not None and field.precision < max(1, field.scale or 0):
        yield _bound(field, f"“{label}”的精度小于标度", f"{label}: precision is below scale")
    if field.scale is not None and field.scale < 0:
        yield _bound(field, f"“{label}”的标度为负", f"{label}: scale is negative")


def _crossed(field: Field) -> bool:
    return field.minimum is not None and field.maximum is not None and field.minimum > field.maximum


def _beyond_integers(field: Field) -> bool:
    low, high = integer_bounds(field)
    return low > INTEGER_MAX or high < INTEGER_MIN


def _bound(field: Field, zh: str, en: str) -> FieldError:
    return FieldError(field.name, "out_of_range", zh, en)
