"""What two versions of an entry say differently of the items that both have; pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.api.entries import DiffView

# Masks first: what is looser reaches who was not to see it.
FIELDS: Final = (
    "mask", "element", "role", "key", "required", "label", "searchable", "refers_to",
    "unmasked_reason",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ItemChange:
    """One field of an item, before and after; None where it was not said."""

    item: str
    label: str
    field: str
    before: Any
    after: Any


def item_changes(diff: DiffView) -> Sequence[ItemChange]:
    """Return them in the order of the items, none of items that only one version has."""
    for each in diff.differences:
        if each.field == "items":
            return [*_changes(each.before, each.after)]
    return []


def _changes(
    before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]
) -> Iterator[ItemChange]:
    known = {item["name"]: item for item in before}
    for item in after:
        old = known.get(item["name"], item)
        for field in FIELDS:
            was, now = old.get(field), item.get(field)
            if (was or None) != (now or None):
                yield ItemChange(item["name"], item["label"], field, was, now)
