"""Grants over versions of a resource, made without a catalogue."""

from collections.abc import Mapping, Sequence
from typing import Any

from catalog.contracts.model import DataType
from catalog.contracts.published import RecordItem, RecordVersion
from exchange.delivery.projection.projection import Projection
from exchange.delivery.projection.views import Terms
from exchange.subscriptions.conditions import Condition

HASH_KEY = b"h" * 32


def an_item(
    name: str,
    data_type: DataType = DataType.STRING,
    *,
    key: bool = False,
    element: str = "",
    mask: Mapping[str, Any] | None = None,
) -> RecordItem:
    """An item whose element is named after it, unless another is given."""
    return RecordItem(name, data_type, key, element or f"DE-{name}", mask)


def terms_of(
    versions: Mapping[int, Sequence[RecordItem]],
    items: Sequence[str],
    *,
    masks: Mapping[str, Mapping[str, Any]] | None = None,
    unmasked: Sequence[str] = (),
    conditions: Sequence[Condition] = (),
    agreed: int = 1,
    in_force: int | None = None,
    hash_key: bytes = HASH_KEY,
) -> Terms:
    """A grant agreed to in a version; its elements are those of that version."""
    elements = {item.name: item.element for item in versions[agreed]}
    named = (*items, *(condition.item for condition in conditions))
    return Terms(
        items=tuple(items),
        elements={item: elements[item] for item in named if item in elements},
        masks=masks or {},
        unmasked=frozenset(unmasked),
        conditions=tuple(conditions),
        agreed=agreed,
        versions={
            number: RecordVersion(number, tuple(fields)) for number, fields in versions.items()
        },
        in_force=in_force or max(versions),
        hash_key=hash_key,
    )


def undecided(
    made: Projection, version: int, keys: Sequence[bytes], values: Sequence[bytes | None]
) -> list[int]:
    """Return the places of records that are told only if the records before them pass."""
    alone = made.lines(version, keys, values)
    known = made.lines(version, keys, values, left=range(len(keys)))
    return [place for place, line in enumerate(known) if line != alone[place]]
