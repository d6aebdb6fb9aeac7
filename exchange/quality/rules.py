"""Rules of quality (GB/T 36344): what may be declared, and whether a record keeps it; pure."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final

from catalog.contracts.model import DataType, Field
from exchange.latest.values import Incomparable, wanted_value
from kernel.errors import FieldError
from kernel.moments import SECONDS_A_DAY, Moment, read_moment
from kernel.workdays import local_date

RULES_MAX: Final = 50


class Dimension(StrEnum):
    """质量维度 (GB/T 36344-2018)."""

    NORMATIVE = "规范"
    COMPLETE = "完整"
    ACCURATE = "准确"
    CONSISTENT = "一致"
    TIMELY = "时效"
    ACCESSIBLE = "可访问"


class Kind(StrEnum):
    COMPLETE = "complete"
    COMPARE = "compare"
    IN_CODES = "in_codes"
    FRESH = "fresh"
    ANSWERED = "answered"


class Op(StrEnum):
    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"


OPERATORS: Final = {Op.EQ: eq, Op.NE: ne, Op.LT: lt, Op.LE: le, Op.GT: gt, Op.GE: ge}
# Measured of every resource, whatever is declared.
CONFORM: Final = "contract"
TIMELY: Final = "update_cycle"
READS: Final = "reads"
READY_MADE: Final = frozenset({CONFORM, TIMELY, READS})
NUMBERS: Final = frozenset({DataType.INTEGER, DataType.DECIMAL})
DAYS: Final = frozenset({DataType.DATE, DataType.DATETIME})
ITEMS_OF_COMPARE: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`threshold` is a number to `compare` one item with, or the days within which it is `fresh`.

    Of `complete` and `in_codes` it is the share of records that must keep the rule, of `answered`
    the share of an hour's reads that must be answered; all of them where it is left out.
    """

    id: str
    dimension: Dimension
    kind: Kind
    items: tuple[str, ...]
    op: Op | None = None
    threshold: Decimal | None = None

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Rule":
        return cls(
            id=stored["id"],
            dimension=Dimension(stored["dimension"]),
            kind=Kind(stored["kind"]),
            items=tuple(stored["items"]),
            op=None if stored["op"] is None else Op(stored["op"]),
            threshold=None if stored["threshold"] is None else Decimal(stored["threshold"]),
        )

    def stored(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "dimension": self.dimension,
            "kind": self.kind,
            "items": list(self.items),
            "op": self.op,
            "threshold": None if self.threshold is None else str(self.threshold),
        }


def rule_errors(rules: Sequence[Rule], fields: Mapping[str, Field]) -> list[FieldError]:
    """Return what is wrong with the rules for records of these fields."""
    count = Counter(rule.id for rule in rules)
    return [
        FieldError(f"[{place}].{path}", code, zh, en)
        for place, rule in enumerate(rules)
        for path, code, zh, en in _faults(rule, fields, count[rule.id])
    ]


Fault = tuple[str, str, str, str]


def _faults(rule: Rule, fields: Mapping[str, Field], count: int) -> Iterator[Fault]:
    if rule.id in READY_MADE:
        yield "id", "not_allowed", "与现成规则同名", "is the name of a ready-made rule"
    if count > 1:
        yield "id", "duplicate", "规则编号重复", "is used twice"
    misnamed = list(_misnamed(rule, fields))
    yield from misnamed
    if misnamed:
        return
    types = [fields[name].data_type for name in rule.items]
    match rule.kind:
        case Kind.COMPLETE:
            yield from _share(rule)
        case Kind.IN_CODES:
            yield from _share(rule)
            if any(fields[name].values is None for name in rule.items):
                yield "items", "wrong_type", "信息项没有代码集", "an item has no code list"
        case Kind.COMPARE:
            yield from _comparison(rule, types)
        case Kind.FRESH:
            yield from _freshness(rule, types)
        case Kind.ANSWERED:
            yield from _share(rule)


def _misnamed(rule: Rule, fields: Mapping[str, Field]) -> Iterator[Fault]:
    if unknown := [name for name in rule.items if name not in fields]:
        names = "、".join(unknown)
        yield "items", "not_found", f"没有信息项 {names}", f"there is no item {names}"
    elif rule.kind is Kind.ANSWERED and rule.items:
        yield "items", "not_allowed", "该类规则没有信息项", "this kind takes no items"
    elif rule.kind is not Kind.ANSWERED and not rule.items:
        yield "items", "missing", "须给出信息项", "items are needed"


def _share(rule: Rule) -> Iterator[Fault]:
    if rule.op is not None:
        yield "op", "not_allowed", "该类规则没有运算符", "this kind takes no operator"
    if rule.threshold is not None and not 0 <= rule.threshold <= 1:
        yield "threshold", "out_of_range", "应为 0 至 1 的比例", "should be a share from 0 to 1"


def _comparison(rule: Rule, types: Sequence[DataType]) -> Iterator[Fault]:
    if rule.op is None:
        yield "op", "missing", "须给出运算符", "an operator is needed"
    if len(rule.items) > ITEMS_OF_COMPARE:
        yield "items", "too_long", "至多比较两个信息项", "two items are compared at most"
    elif len(rule.items) == ITEMS_OF_COMPARE:
        if rule.threshold is not None:
            yield "threshold", "not_allowed", "比较两项时没有阈值", "two items need no threshold"
        if len(set(types)) > 1 and not set(types) <= NUMBERS:
            yield "items", "wrong_type", "两项的类型不可比较", "the two types cannot be compared"
    elif rule.threshold is None:
        yield "threshold", "missing", "须给出比较的数值", "a number to compare with is needed"
    elif not set(types) <= NUMBERS:
        yield "items", "wrong_type", "只有数值项可与阈值比较", "only numbers have a threshold"


def _freshness(rule: Rule, types: Sequence[DataType]) -> Iterator[Fault]:
    if rule.op is not None:
        yield "op", "not_allowed", "该类规则没有运算符", "this kind takes no operator"
    if len(rule.items) != 1 or not set(types) <= DAYS:
        yield "items", "wrong_type", "应为一个日期或时间项", "should be one date or moment"
    if rule.threshold is None or rule.threshold <= 0:
        yield "threshold", "missing", "须给出天数", "a number of days is needed"


@dataclass(frozen=True, slots=True)
class Reader:
    """How values of records are read; `codes` are those in force of items that have a list."""

    types: Mapping[str, DataType]
    codes: Mapping[str, Collection[str]]
    now: datetime


def keeps(rule: Rule, record: Mapping[str, Any], reader: Reader) -> bool | None:
    """Return whether the record keeps the rule, None where it says nothing of its items."""
    values = [record.get(name) for name in rule.items]
    if rule.kind is Kind.COMPLETE:
        return all(value not in (None, "") for value in values)
    if any(value is None for value in values):
        return None
    if rule.kind is Kind.IN_CODES:
        pairs = zip(rule.items, values, strict=True)
        return all(str(value) in reader.codes[name] for name, value in pairs)
    try:
        read = [_read(value, reader.types[n]) for n, value in zip(rule.items, values, strict=True)]
        return _fresh(rule, read[0], reader) if rule.kind is Kind.FRESH else _compare(rule, read)
    except Incomparable:
        return False


def _read(value: Any, data_type: DataType) -> Any:  # noqa: ANN401 - a value of the record
    # Numbers come as they were written, so that no digit is lost.
    return value if isinstance(value, Decimal) else wanted_value(value, data_type)


def _compare(rule: Rule, read: Sequence[Any]) -> bool:
    assert rule.op is not None  # noqa: S101 - declared rules have one
    other: Any = read[1] if len(read) == ITEMS_OF_COMPARE else rule.threshold
    return bool(OPERATORS[rule.op](read[0], other))


def _fresh(rule: Rule, value: date | Moment, reader: Reader) -> bool:
    """Return whether a moment, or a day of Asia/Shanghai, is no older than the threshold."""
    within = float(rule.threshold or 0)
    if isinstance(value, Moment):
        return read_moment(reader.now.isoformat()).seconds - value.seconds <= within * SECONDS_A_DAY
    return (local_date(reader.now) - value).days <= within
