"""Which constraints an element of each data type may have; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from catalog.contracts.model import Checker, DataType
from catalog.contracts.numbers import INTEGER_MAX, INTEGER_MIN
from kernel.errors import FieldError

TEXT_LIMITS = ("min_length", "max_length", "pattern", "checker")
ALLOWED: Mapping[DataType, frozenset[str]] = {
    DataType.STRING: frozenset(TEXT_LIMITS),
    DataType.CODE: frozenset({*TEXT_LIMITS, "code_list"}),
    DataType.INTEGER: frozenset({"minimum", "maximum", "precision"}),
    DataType.DECIMAL: frozenset({"minimum", "maximum", "precision", "scale"}),
    DataType.BOOLEAN: frozenset(),
    DataType.DATE: frozenset(),
    DataType.DATETIME: frozenset(),
}
CONSTRAINTS = (*TEXT_LIMITS, "code_list", "minimum", "maximum", "precision", "scale")
CHECKED_LENGTHS: Mapping[Checker, tuple[int, ...]] = {
    Checker.RESIDENT_ID: (18,),
    Checker.USCC: (18,),
    Checker.DIVISION_CODE: (6, 9, 12),
    Checker.MOBILE: (11,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewElement:
    """数据元 as it is registered; lengths count characters, precision counts digits."""

    code: str
    name: str
    definition: str
    data_type: DataType
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    precision: int | None = None
    scale: int | None = None
    code_list: str | None = None
    checker: Checker | None = None
    standard: str
    sensitivity: int
    personal: bool


def element_errors(element: NewElement) -> list[FieldError]:
    """Return the constraints that do not fit the type, or each other."""
    return [*_foreign(element), *_code(element), *_ranges(element), *_checker(element)]


def _foreign(element: NewElement) -> Iterator[FieldError]:
    for name in CONSTRAINTS:
        if getattr(element, name) is not None and name not in ALLOWED[element.data_type]:
            yield FieldError(
                name,
                "unknown_item",
                f"{element.data_type} 类型的数据元没有此约束",
                f"an element of type {element.data_type} has no such constraint",
            )


def _code(element: NewElement) -> Iterator[FieldError]:
    if element.data_type is DataType.CODE and element.code_list is None:
        yield FieldError("code_list", "missing", "代码类型须指明代码集", "a code needs its list")


def _ranges(element: NewElement) -> Iterator[FieldError]:
    pairs: tuple[tuple[str, str, Decimal | int | None, Decimal | int | None], ...] = (
        ("min_length", "max_length", element.min_length, element.max_length),
        ("minimum", "maximum", element.minimum, element.maximum),
        ("scale", "precision", element.scale, element.precision),
    )
    for low, high, smaller, larger in pairs:
        if smaller is not None and larger is not None and smaller > larger:
            yield FieldError(
                low, "out_of_range", f"不得大于 {high}", f"must not be greater than {high}"
            )
    if element.scale is not None and element.precision is None:
        yield FieldError("precision", "missing", "有小数位须有总位数", "a scale needs a precision")
    if element.data_type is DataType.INTEGER:
        yield from _whole(element)


def _whole(element: NewElement) -> Iterator[FieldError]:
    for name in ("minimum", "maximum"):
        bound: Decimal | None = getattr(element, name)
        if bound is None:
            continue
        if bound != bound.to_integral_value():
            yield FieldError(name, "wrong_type", "须为整数", "must be a whole number")
        elif not INTEGER_MIN <= bound <= INTEGER_MAX:
            yield FieldError(name, "out_of_range", "超出 64 位整数", "is beyond 64-bit integers")


def _checker(element: NewElement) -> Iterator[FieldError]:
    if element.checker is None:
        return
    shortest, longest = element.min_length or 0, element.max_length or INTEGER_MAX
    if not any(shortest <= n <= longest for n in CHECKED_LENGTHS[element.checker]):
        yield FieldError(
            "checker",
            "out_of_range",
            "长度限制使任何值都无法通过该校验",
            "no value of the allowed length can pass this checker",
        )


# Words, and how careful one has to be: no contract is built from the one, none less careful.
CHANGEABLE = ("name", "definition", "examples", "sensitivity")


def change_errors(element: object, changes: Mapping[str, object]) -> Iterator[FieldError]:
    """Yield what cannot change once contracts were built from it, and a lower sensitivity."""
    for name, value in changes.items():
        present = getattr(element, name)
        if name not in CHANGEABLE and value != present:
            yield FieldError(name, "fixed", "登记后不能更改", "is fixed once it is registered")
    sensitivity, present = changes.get("sensitivity"), getattr(element, "sensitivity", 0)
    if isinstance(sensitivity, int) and sensitivity < present:
        yield FieldError(
            "sensitivity", "fixed", "敏感级别只能提高", "the sensitivity can only be raised"
        )
