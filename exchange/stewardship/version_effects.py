"""What a version yet to come does to a running subscription; pure.

Broken: an item that was granted, or that the row filter names, is gone or has another type or
element, or the entry is not to be shared any more. Narrowed: a granted item has a stricter mask,
bound, pattern or code list. A renamed item is followed as delivery follows it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from catalog.contracts.model import Contract, Field
from catalog.contracts.published import RecordVersion, Revision
from catalog.rules.compatibility import narrows, same_type
from exchange.delivery.projection.mask import Mask, strictest
from exchange.delivery.projection.views import Terms, masks_in_force, names_in


class Effect(StrEnum):
    NONE = "none"
    NARROWED = "narrowed"
    BROKEN = "broken"


SEVERITY: Final = tuple(Effect)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`items_lost` and `items_narrowed` are called as they were granted."""

    effect: Effect
    items_lost: tuple[str, ...] = ()
    items_narrowed: tuple[str, ...] = ()


UNTOUCHED: Final = Outcome(Effect.NONE)


class Effects:
    """What one revision does to any grant of its resource; equal comparisons are made once."""

    def __init__(self, revision: Revision) -> None:
        self._before, self._after = revision.before, revision.after
        self._known: Mapping[int, RecordVersion] = {
            **revision.known,
            revision.after.number: revision.after.record,
        }
        self._old = {} if revision.before is None else _fields(revision.before.contract)
        self._new = _fields(revision.after.contract)
        self._narrower: dict[tuple[str, str], bool] = {}

    def on(self, terms: Terms) -> Outcome:
        """Return the outcome for a grant; `terms` are those of the version in force."""
        before, after = self._before, self._after
        if before is None or before.number == after.number:
            return UNTOUCHED
        if before.is_shared and not after.is_shared:
            return Outcome(Effect.BROKEN, items_lost=terms.items)
        then = replace(terms, versions=self._known, in_force=after.number)
        old_names = names_in(terms, before.record)
        new_names = names_in(then, after.record)
        lost = tuple(
            item
            for item, name in old_names.items()
            if item not in new_names or not self._same_type(name, new_names[item])
        )
        narrowed = tuple(
            item
            for item in terms.items
            if item in old_names
            and item not in lost
            and self._narrows(old_names[item], new_names[item])
        )
        masked = _masked_more(masks_in_force(terms), masks_in_force(then), terms.items)
        narrowed = tuple(dict.fromkeys((*narrowed, *(item for item in masked if item not in lost))))
        if lost:
            return Outcome(Effect.BROKEN, lost, narrowed)
        return Outcome(Effect.NARROWED, (), narrowed) if narrowed else UNTOUCHED

    def _same_type(self, old: str, new: str) -> bool:
        return same_type(self._old[old], self._new[new])

    def _narrows(self, old: str, new: str) -> bool:
        pair = old, new
        if pair not in self._narrower:
            self._narrower[pair] = narrows(self._old[old], self._new[new])
        return self._narrower[pair]


def worst(effects: Iterable[Effect]) -> Effect:
    """Return the worst of several effects: the verdict on a version."""
    return max(effects, key=SEVERITY.index, default=Effect.NONE)


def _fields(contract: Contract) -> dict[str, Field]:
    return {field.name: field for field in contract.fields}


def _masked_more(
    before: Mapping[str, Mapping[str, Any]],
    after: Mapping[str, Mapping[str, Any]],
    items: Iterable[str],
) -> list[str]:
    return [item for item in items if _is_stricter(before.get(item), after.get(item))]


def _is_stricter(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> bool:
    if after is None or before is None:
        return after is not None
    old = Mask.of(before)
    return strictest([old, Mask.of(after)]) != old
