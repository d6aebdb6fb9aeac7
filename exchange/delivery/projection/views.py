"""What a grant shows of the records of one contract version (P3); pure.

A grant holds elements, not only names: an item of a record's version is granted if it carries the
granted element under the granted name. A renamed item is followed where that is certain: it is the
only item of its element that the version lost against the one that was agreed to, and the version
has one new item of that element.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from catalog.contracts.published import RecordItem, RecordVersion
from catalog.rules.crosswalks import Crosswalk
from exchange.delivery.projection.mask import Mask, strictest
from exchange.subscriptions.conditions import Condition

NO_CROSSWALKS: Final[Mapping[str, Crosswalk]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What was agreed, and the versions of the resource that records may be of.

    `elements` are those of `items` and of the items that `conditions` name, in version `agreed`.
    `masks` are the agreed ones; an item of `unmasked` has none in any version. `crosswalks` are of
    items whose values are handed on in the edition of their code list that the consumer named.
    """

    items: tuple[str, ...]
    elements: Mapping[str, str]
    masks: Mapping[str, Mapping[str, Any]]
    unmasked: frozenset[str]
    conditions: Sequence[Condition]
    agreed: int
    versions: Mapping[int, RecordVersion]
    in_force: int
    hash_key: bytes
    crosswalks: Mapping[str, Crosswalk] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShownItem:
    """An item that is shown: its name in the version, its name when it was granted, its mask.

    Its values go over the crosswalk before they are masked.
    """

    name: str
    granted: str
    mask: Mask | None
    crosswalk: Crosswalk | None = None


@dataclass(frozen=True, slots=True)
class VersionView:
    """What a grant shows of one version; `filtered` leads to the items of the conditions.

    A condition's item is None where the version does not have it: no record of it passes then.
    """

    items: tuple[ShownItem, ...]
    filtered: tuple[tuple[Condition, RecordItem | None], ...]
    fields: tuple[RecordItem, ...]
    hash_key: bytes

    @property
    def key_items(self) -> tuple[RecordItem, ...]:
        return tuple(field for field in self.fields if field.key)

    @property
    def key_is_clear(self) -> bool:
        """Whether every item of the key is shown as it is."""
        return self._clear.issuperset(field.name for field in self.key_items)

    @property
    def is_whole(self) -> bool:
        """Whether every item of the version is shown as it is."""
        return self._clear.issuperset(field.name for field in self.fields)

    @property
    def _clear(self) -> set[str]:
        return {item.name for item in self.items if item.mask is None}

    @property
    def needs_predecessors(self) -> bool:
        """Whether a key alone does not say if its record was shown."""
        return any(field is None or not field.key for _condition, field in self.filtered)


def view_of(terms: Terms, version: int) -> VersionView:
    """Return the view of a version that there is; KeyError for another."""
    read = terms.versions[version]
    names = names_in(terms, read)
    fields = {item.name: item for item in read.items}
    return VersionView(
        tuple(
            ShownItem(
                names[item],
                item,
                _mask(terms, item, fields[names[item]]),
                terms.crosswalks.get(item),
            )
            for item in terms.items
            if item in names
        ),
        tuple(
            (condition, fields.get(names.get(condition.item, ""))) for condition in terms.conditions
        ),
        read.items,
        terms.hash_key,
    )


def masks_in_force(terms: Terms) -> dict[str, dict[str, Any]]:
    """Return the masks that hold for records of the version in force, by the granted names."""
    now = {item.granted: item.mask for item in view_of(terms, terms.in_force).items}
    agreed = {item: Mask.of(mask) for item, mask in terms.masks.items() if item not in now}
    return {item: mask.as_json() for item, mask in {**agreed, **now}.items() if mask is not None}


def _mask(terms: Terms, granted: str, field: RecordItem) -> Mask | None:
    """Return the strictest of the masks agreed, of the record's version, and in force."""
    if granted in terms.unmasked:
        return None
    in_force = terms.versions.get(terms.in_force)
    name = None if in_force is None else names_in(terms, in_force).get(granted)
    now = next((i.mask for i in in_force.items if i.name == name), None) if in_force else None
    masks = (terms.masks.get(granted), field.mask, now)
    return strictest([Mask.of(mask) for mask in masks if mask is not None])


def names_in(terms: Terms, version: RecordVersion) -> dict[str, str]:
    """Return how the granted and filtered items are called in a version that has them."""
    elements = {item.name: item.element for item in version.items}
    names = {}
    for item, element in terms.elements.items():
        if elements.get(item) == element:
            names[item] = item
        elif (renamed := _renamed(terms.versions.get(terms.agreed), version, item)) is not None:
            names[item] = renamed
    return names


def _renamed(agreed: RecordVersion | None, version: RecordVersion, item: str) -> str | None:
    """Return the new name of an item where it is certain."""
    if agreed is None:
        return None
    before, after = _bound(agreed), _bound(version)
    element = next((element for name, element in before if name == item), None)
    lost = [name for name, bound in before - after if bound == element]
    new = [name for name, bound in after - before if bound == element]
    return new[0] if lost == [item] and len(new) == 1 else None


def _bound(version: RecordVersion) -> set[tuple[str, str]]:
    return {(item.name, item.element) for item in version.items}
