"""The next version of a resource, published through the public API."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.callers import told
from tests.support.world import SAID, Sharing, World

ENTRY = (
    "name", "abstract", "class_code", "region_code", "format", "update_cycle", "share_type",
    "share_modes", "open_type", "grade", "items", "reviews", "partitions", "legal_basis",
)  # fmt: skip
ITEM = ("name", "label", "element", "required", "key", "role", "mask")


async def revise(
    world: World,
    sharing: Sharing,
    items: Mapping[str, Mapping[str, Any] | None] | None = None,
    added: Sequence[Mapping[str, Any]] = (),
    **fields: Any,  # noqa: ANN401 - fields of the entry
) -> None:
    """Publish the next version: `items` change those of their names, None takes one away."""
    path, clerk = f"/v1/resources/{sharing.resource}", sharing.provider.clerk
    await clerk.ask("POST", f"{path}/revise")
    draft = await clerk.get(path)
    entry = {name: draft.json()[name] for name in ENTRY}
    changes = items or {}
    kept = [
        {name: item[name] for name in (*ITEM, *SAID) if name in item}
        | dict(changes.get(item["name"]) or {})
        for item in entry["items"]
        if changes.get(item["name"], {}) is not None
    ]
    entry |= {"items": [*kept, *await world.items(*added)], **fields}
    told(await clerk.put(path, entry, headers={"If-Match": draft.headers["etag"]}))
    await world.publish(sharing.resource)
