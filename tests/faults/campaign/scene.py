"""Who plays: two departments, three resources, and subscriptions masked and whole."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from tests.faults.campaign.reading import Resource
from tests.faults.campaign.stage import Stage
from tests.faults.campaign.wire import CLEAR
from tests.support.world import Department, World

FILLER = "广西壮族自治区数据共享交换平台故障演练记录"
ITEMS: Sequence[Mapping[str, Any]] = (
    {"name": "id", "key": True, "max_length": 64, "mask": {"kind": "hash"}},
    {"name": "n", "data_type": "integer", "required": True},
    {"name": "name", "max_length": 64, "mask": {"kind": "partial", "keep_start": 1, "keep_end": 0}},
    {"name": "phone", "max_length": 64, "mask": {"kind": "full"}},
    {"name": "note", "max_length": 200},
)
MASKED_ITEMS = ("id", "name", "phone")
SPREAD = 3
SIGN = CLEAR.decode()


@dataclass(frozen=True, slots=True)
class Grant:
    """A subscription as its reader knows it."""

    id: str
    resource: Resource
    masked: bool


@dataclass(frozen=True, slots=True)
class Scene:
    """`narrow` has one partition, `wide` three; `probed` is the prober's own.

    `strange` is where others write what claims to be the platform's.
    """

    provider: Department
    publisher: str
    reader: str
    narrow: Resource
    wide: Resource
    probed: Resource
    strange: Resource
    grants: Mapping[str, Grant]

    @property
    def resources(self) -> Sequence[Resource]:
        return self.narrow, self.wide, self.probed


def key_of(name: str) -> str:
    """Return a record's key; it tells a person's name, so no masked reader may see it."""
    return f"{SIGN}-{name}"


def record(key: str, number: int) -> bytes:
    person = {"name": f"黄{SIGN}{number}", "phone": f"{SIGN}{number:08d}"}
    return orjson.dumps({"id": key, "n": number, **person, "note": FILLER})


@asynccontextmanager
async def playing(stage: Stage) -> AsyncIterator[tuple[World, Scene]]:
    """Build the scene through the public API; the world stays open for its staff."""
    credentials = stage.folder / "credentials.json"
    async with World.begin(stage.base_url, stage.settings, credentials) as world:
        yield world, await _build(world)


async def _build(world: World) -> Scene:
    provider, consumer = await asyncio.gather(world.department(), world.department())
    publisher, reader, narrow, wide, probed, strange = await asyncio.gather(
        world.client(provider),
        world.client(consumer),
        _resource(world, provider, 1),
        _resource(world, provider, SPREAD),
        _resource(world, provider, 1),
        _resource(world, provider, 1),
    )

    async def grant(resource: Resource, *, masked: bool) -> Grant:
        lifted = () if masked else MASKED_ITEMS
        made = await world.subscription(resource.id, consumer, reader, unmasked=lifted)
        return Grant(made, resource, masked)

    grants = {
        "whole-narrow": await grant(narrow, masked=False),
        "whole-wide": await grant(wide, masked=False),
        "masked-narrow": await grant(narrow, masked=True),
        "masked-wide": await grant(wide, masked=True),
        "suspended": await grant(narrow, masked=True),
        "probe-narrow": await grant(probed, masked=False),
        "probe-wide": await grant(wide, masked=False),
        "strange": await grant(strange, masked=True),
    }
    tokens = await publisher.token(), await reader.token()
    return Scene(provider, *tokens, narrow, wide, probed, strange, grants)


async def _resource(world: World, provider: Department, partitions: int) -> Resource:
    made = await world.resource(provider, ITEMS, partitions=partitions)
    return Resource(made, partitions)
