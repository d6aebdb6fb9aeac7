"""The next version of a resource, published through the public API."""

from collections.abc import Mapping, Sequence
from typing import Any

from kernel.clock import today
from tests.support.callers import told
from tests.support.world import SAID, Sharing, World

ENTRY = (
    "name", "abstract", "class_code", "region_code", "format", "update_cycle", "share_type",
    "share_modes", "open_type", "grade", "items", "reviews", "partitions", "legal_basis",
    "derived_from",
)  # fmt: skip
LAW = "《中华人民共和国数据安全法》第二十一条"
ITEM = ("name", "label", "element", "required", "key", "role", "mask")


async def draft(
    world: World,
    sharing: Sharing,
    items: Mapping[str, Mapping[str, Any] | None] | None = None,
    added: Sequence[Mapping[str, Any]] = (),
    **fields: Any,  # noqa: ANN401 - fields of the entry
) -> None:
    """Draft the next version: `items` change those of their names, None takes one away."""
    path, clerk = f"/v1/resources/{sharing.resource}", sharing.provider.clerk
    await clerk.ask("POST", f"{path}/revise")
    started = await clerk.get(path)
    entry = {name: started.json()[name] for name in ENTRY}
    changes = items or {}
    kept = [
        {name: item[name] for name in (*ITEM, *SAID) if name in item}
        | dict(changes.get(item["name"]) or {})
        for item in entry["items"]
        if changes.get(item["name"], {}) is not None
    ]
    entry |= {"items": [*kept, *await world.items(*added)], **fields}
    told(await clerk.put(path, entry, headers={"If-Match": started.headers["etag"]}))


async def revise(
    world: World,
    sharing: Sharing,
    items: Mapping[str, Mapping[str, Any] | None] | None = None,
    added: Sequence[Mapping[str, Any]] = (),
    **fields: Any,  # noqa: ANN401 - fields of the entry
) -> None:
    """Publish the next version, drafted as `draft` says: a law demands it, and nobody objects."""
    await draft(world, sharing, items, added, **fields)
    await world.approve(sharing.resource)
    path = f"/v1/resources/{sharing.resource}"
    notice = {"effective_on": today().isoformat(), "reason": "测试", "basis": LAW}
    await sharing.provider.head.ask("POST", f"{path}/announce", notice)
    await world.authority.ask("POST", f"{path}/file-change", {})
    await world.authority.ask("POST", f"{path}/publish")
