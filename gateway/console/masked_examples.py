"""A real value beside what its mask leaves of it, for who decides about the mask.

Shown only when it is asked for: the reading of the record is in the audit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from exchange.applications.states import Action
from exchange.delivery.projection.mask import Mask, compile_mask
from exchange.latest.errors import StateIncomplete
from gateway.api.application_shapes import ApplicationDetail
from gateway.api.entries import ItemWire
from gateway.console.visit import Visit
from kernel.paging import PageRequest

ASKED: Final = "example"
# A grant has a key of its own for its hashes: before it, this one says nothing of any.
KEY: Final = b"example"
NOTHING: Final = "—"
CUT: Final = 60


@dataclass(frozen=True, slots=True)
class Examples:
    """`offered` to who may ask; `values` are value and masked value by item.

    `incomplete` where the latest state of the resource is still being gathered.
    """

    offered: bool = False
    asked: bool = False
    incomplete: bool = False
    values: Mapping[str, tuple[str, str]] = field(default_factory=dict)


async def of(
    visit: Visit, application: ApplicationDetail, items: Mapping[str, ItemWire]
) -> Examples:
    """Read one record of the provider's own, where its head asks for it."""
    own = visit.acting is None and application.provider_department == visit.principal.department
    if Action.AGREE not in application.allowed or not own:
        return Examples()
    if visit.query(ASKED) is None:
        return Examples(offered=True)
    records = visit.using.bus.own_records
    try:
        found = await records.page(visit.principal, application.resource_id, PageRequest(1))
    except StateIncomplete:
        return Examples(offered=True, asked=True, incomplete=True)
    masks = {name: item.mask.model_dump() for name, item in items.items() if item.mask}
    values = masked(found.items[0].value, masks) if found.items else {}
    return Examples(offered=True, asked=True, values=values)


def masked(record: bytes, masks: Mapping[str, Mapping[str, Any]]) -> Mapping[str, tuple[str, str]]:
    """Return value and masked value of each item that a record has; pure."""
    values: Mapping[str, Any] = orjson.loads(record)
    return {name: _pair(name, value, masks.get(name)) for name, value in values.items()}


def _pair(name: str, value: object, mask: Mapping[str, Any] | None) -> tuple[str, str]:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    if mask is None:
        return text[:CUT], text[:CUT]
    column = compile_mask(Mask.of(mask), KEY, name)
    left = column.texts([text])[0] if isinstance(value, str) else column.word(text)
    return text[:CUT], (NOTHING if left is None else left)[:CUT]
