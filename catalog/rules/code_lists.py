"""What an edition of a code list must be; pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from kernel.errors import FieldError
from kernel.turns import Steps


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCode:
    """A value; `successors` are the values that took its place (横县 450127 → 横州市 450181)."""

    value: str
    name: str
    parent: str | None = None
    effective_from: date | None = None
    effective_to: date | None = None
    successors: tuple[str, ...] = ()


def edition_errors(items: Sequence[NewCode]) -> Steps[list[FieldError]]:
    """Return duplicates, unknown values, dates, and parents or successors that run in a circle."""
    errors: list[FieldError] = []
    for check in (_values, _references, _dates, _circles, _succession):
        errors += check(items)
        yield
    return errors


def _values(items: Sequence[NewCode]) -> Iterator[FieldError]:
    count = Counter(item.value for item in items)
    for place, item in enumerate(items):
        if count[item.value] > 1:
            yield FieldError(f"items[{place}].value", "duplicate", "代码重复", "is there twice")


def _references(items: Sequence[NewCode]) -> Iterator[FieldError]:
    known = {item.value for item in items}
    for place, item in enumerate(items):
        if item.parent is not None and item.parent not in known:
            yield _unknown(f"items[{place}].parent", item.parent)
        for number, successor in enumerate(item.successors):
            if successor not in known:
                yield _unknown(f"items[{place}].successors[{number}]", successor)


def _unknown(path: str, value: str) -> FieldError:
    return FieldError(
        path, "not_found", f"本版次没有代码 {value}", f"the edition has no value {value}"
    )


def _dates(items: Sequence[NewCode]) -> Iterator[FieldError]:
    for place, item in enumerate(items):
        first, last = item.effective_from, item.effective_to
        if first is not None and last is not None and last < first:
            yield FieldError(
                f"items[{place}].effective_to",
                "out_of_range",
                "不得早于生效日期",
                "must not be before effective_from",
            )


def _circles(items: Sequence[NewCode]) -> Iterator[FieldError]:
    parents = {item.value: item.parent for item in items}
    rooted: set[str] = set()
    for place, item in enumerate(items):
        path: set[str] = set()
        at: str | None = item.value
        while at is not None and at not in rooted and at not in path:
            path.add(at)
            at = parents.get(at)
        if at is not None and at in path:
            yield FieldError(
                f"items[{place}].parent",
                "out_of_range",
                "上级代码成环",
                "is its own ancestor",
            )
        rooted |= path


def _succession(items: Sequence[NewCode]) -> Iterator[FieldError]:
    """Yield values that are succeeded, at last, by one that they have succeeded themselves."""
    open_ = {item.value: set(item.successors) for item in items if item.successors}
    before: dict[str, set[str]] = {}
    for value, successors in open_.items():
        for successor in successors:
            before.setdefault(successor, set()).add(value)
    last = [value for value in before if value not in open_]
    while last:
        ended = last.pop()
        for value in before.get(ended, ()):
            open_[value].remove(ended)
            if not open_[value]:
                del open_[value]
                last.append(value)
    for place, item in enumerate(items):
        if item.value in open_:
            yield FieldError(
                f"items[{place}].successors",
                "cycle",
                "后继代码成环",
                "its successors run in a circle",
            )
