"""What a new version of a contract changes, and whether it breaks what stands.

Backward compatible: every record that the old version let pass still passes, and every item that a
consumer was granted is still there in the same type. Widening is compatible, narrowing is not.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from catalog.contracts.model import Contract, DataType, Field
from catalog.contracts.numbers import decimal_bounds, integer_bounds
from catalog.contracts.rules import lengths


class Kind(StrEnum):
    ITEM_ADDED = "item_added"
    REQUIRED_ITEM_ADDED = "required_item_added"
    ITEM_REMOVED = "item_removed"
    TYPE_CHANGED = "type_changed"
    KEY_CHANGED = "key_changed"
    BECAME_REQUIRED = "became_required"
    BECAME_OPTIONAL = "became_optional"
    NARROWED = "narrowed"
    WIDENED = "widened"
    RELABELLED = "relabelled"


BREAKING: Final = frozenset(
    {
        Kind.REQUIRED_ITEM_ADDED,
        Kind.ITEM_REMOVED,
        Kind.TYPE_CHANGED,
        Kind.KEY_CHANGED,
        Kind.BECAME_REQUIRED,
        Kind.NARROWED,
    }
)


@dataclass(frozen=True, slots=True)
class Change:
    """`rule` names what was narrowed or widened: length, range, digits, values, pattern, checker.

    `item` is empty for the key, which is of the whole record.
    """

    kind: Kind
    item: str = ""
    rule: str = ""

    @property
    def breaking(self) -> bool:
        return self.kind in BREAKING


@dataclass(frozen=True, slots=True)
class Verdict:
    changes: tuple[Change, ...]

    @property
    def backward_compatible(self) -> bool:
        return not any(change.breaking for change in self.changes)


def compare(old: Contract, new: Contract) -> Verdict:
    return Verdict(tuple(_changes(old, new)))


def _changes(old: Contract, new: Contract) -> Iterator[Change]:
    before = {field.name: field for field in old.fields}
    after = {field.name: field for field in new.fields}
    if _key(old) != _key(new):
        yield Change(Kind.KEY_CHANGED)
    for name, field in before.items():
        if name in after:
            yield from _item_changes(field, after[name])
        else:
            yield Change(Kind.ITEM_REMOVED, name)
    for name, field in after.items():
        if name not in before:
            kind = Kind.REQUIRED_ITEM_ADDED if field.mandatory else Kind.ITEM_ADDED
            yield Change(kind, name)


def narrows(old: Field, new: Field) -> bool:
    """Whether the item lets fewer values pass than before, by bound, pattern or code list."""
    return any(change.kind is Kind.NARROWED for change in _item_changes(old, new))


def same_type(old: Field, new: Field) -> bool:
    """A code is a string with a list: the list says what changed."""
    return old.data_type is new.data_type or (old.textual and new.textual)


def _key(contract: Contract) -> list[str]:
    return [field.name for field in contract.key_fields]


def _item_changes(old: Field, new: Field) -> Iterator[Change]:
    name = new.name
    if old.label != new.label:
        yield Change(Kind.RELABELLED, name)
    if old.mandatory != new.mandatory:
        yield Change(Kind.BECAME_REQUIRED if new.mandatory else Kind.BECAME_OPTIONAL, name)
    if not same_type(old, new):
        yield Change(Kind.TYPE_CHANGED, name)
        return
    for rule, narrowed, widened in _rule_changes(old, new):
        if narrowed:
            yield Change(Kind.NARROWED, name, rule)
        if widened:
            yield Change(Kind.WIDENED, name, rule)


def _rule_changes(old: Field, new: Field) -> Iterator[tuple[str, bool, bool]]:
    """Rule, whether it lets less pass, whether it lets more pass."""
    match new.data_type:
        case DataType.STRING | DataType.CODE:
            yield ("length", *_spans(lengths(old), lengths(new)))
            yield ("values", *_sets(old.values, new.values))
            yield ("pattern", *_opaque(old.pattern, new.pattern))
            yield ("checker", *_opaque(old.checker, new.checker))
        case DataType.INTEGER:
            yield ("range", *_spans(integer_bounds(old), integer_bounds(new)))
        case DataType.DECIMAL:
            yield ("range", *_spans((old.minimum, old.maximum), (new.minimum, new.maximum)))
            yield ("digits", *_digits(old, new))
        case DataType.BOOLEAN | DataType.DATE | DataType.DATETIME:
            return


_End = int | Decimal | None


def _spans(old: tuple[_End, _End], new: tuple[_End, _End]) -> tuple[bool, bool]:
    """Compares inclusive spans; None is no bound on that side."""
    low = [Decimal("-Infinity") if end is None else Decimal(end) for end in (old[0], new[0])]
    high = [Decimal("Infinity") if end is None else Decimal(end) for end in (old[1], new[1])]
    return low[1] > low[0] or high[1] < high[0], low[1] < low[0] or high[1] > high[0]


def _sets(old: tuple[str, ...] | None, new: tuple[str, ...] | None) -> tuple[bool, bool]:
    if old is None or new is None:
        return old is None and new is not None, new is None and old is not None
    return bool(set(old) - set(new)), bool(set(new) - set(old))


def _opaque(old: str | None, new: str | None) -> tuple[bool, bool]:
    """Which of two patterns lets more pass is not decided here: another one counts as narrower."""
    return new is not None and new != old, new is None and old is not None


def _digits(old: Field, new: Field) -> tuple[bool, bool]:
    before, after = decimal_bounds(old), decimal_bounds(new)
    pairs = (
        (before.whole, after.whole),
        (before.fraction, after.fraction),
        (before.together, after.together),
    )
    return any(now < then for then, now in pairs), any(now > then for then, now in pairs)
