"""Every way by which records leave, and how a consumer that has them all asks for something."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.callers import Caller, ClientApp
from tests.support.eventually import eventually
from tests.support.jobs import ended
from tests.support.receiving import allow_loopback
from tests.support.services import Provider
from tests.support.world import Department, World

Json = dict[str, Any]
MODES = ("pull", "push", "query", "verify", "file", "table", "api")
OPERATIONS = [
    {"name": "find", "path": "/find", "query": [], "response": "records"},
    {"name": "raw", "path": "/raw", "query": [], "response": "opaque"},
]
EXPECTED = {
    "key": "k1",
    "expect": {"name": "韦某某"},
    "matter": "养老待遇资格认证",
    "reference": "桂社保〔2026〕7号",
}


@dataclass(frozen=True)
class Said:
    """The code of a refusal or "ok", and what came."""

    code: str
    text: str = ""


def said(answer: httpx.Response) -> Said:
    return Said("ok" if answer.is_success else answer.json()["code"], answer.text)


# How each way is asked for something of a subscription's path, for the first or second time.
async def pull(who: Caller, path: str, _turn: int) -> Said:
    return said(await who.get(f"{path}/records?limit=1"))


async def query(who: Caller, path: str, _turn: int) -> Said:
    return said(await who.get(f"{path}/records/k1"))


async def verify(who: Caller, path: str, _turn: int) -> Said:
    return said(await who.post(f"{path}/verify", EXPECTED))


async def snapshot(who: Caller, path: str, _turn: int) -> Said:
    begun = await who.post(f"{path}/snapshots", {"format": "ndjson"})
    if not begun.is_success:
        return said(begun)
    job = await ended(who, begun.json()["job_id"])
    if job["status"] != "done":
        return Said(job["problem"]["code"])
    made = await who.ask("GET", f"{path}/snapshots/{begun.json()['snapshot_id']}")
    return said(await who.get(made["url"]))


async def file(who: Caller, path: str, turn: int) -> Said:
    listed = await who.get(f"{path}/files")
    if not listed.is_success:
        return said(listed)
    return said(await who.get(listed.json()["items"][turn]["url"]))


async def find(who: Caller, path: str, _turn: int) -> Said:
    return said(await who.get(f"{path}/call/find"))


async def raw(who: Caller, path: str, _turn: int) -> Said:
    return said(await who.get(f"{path}/call/raw"))


Ask = Callable[[Caller, str, int], Awaitable[Said]]
# By the name of a way: the mode that it is granted by, and how it is asked.
WAYS: Mapping[str, tuple[str, Ask]] = {
    "pull": ("pull", pull),
    "table": ("table", pull),
    "query": ("query", query),
    "verify": ("verify", verify),
    "snapshot": ("file", snapshot),
    "file": ("file", file),
    "records of a service": ("api", find),
    "service": ("api", raw),
}


@dataclass(frozen=True)
class Offer:
    """A resource that is shared by every mode, and who provides it."""

    provider: Department
    publisher: ClientApp
    resource: str


@dataclass(frozen=True)
class Party:
    """A consumer with a subscription of its own for each way."""

    department: Department
    client: ClientApp
    paths: Mapping[str, str]

    @property
    def subscriptions(self) -> list[str]:
        return [path.rpartition("/")[2] for path in self.paths.values()]

    async def ask(self, who: Caller | None = None, turn: int = 0) -> dict[str, Said]:
        asked = (WAYS[way][1](who or self.client, path, turn) for way, path in self.paths.items())
        return dict(zip(self.paths, await asyncio.gather(*asked), strict=True))

    async def codes(self, who: Caller | None = None, turn: int = 0) -> dict[str, str]:
        return {way: each.code for way, each in (await self.ask(who, turn)).items()}


def row(code: str, **others: str) -> dict[str, str]:
    """Return what each way says: the same, but for the others."""
    return {**dict.fromkeys(WAYS, code), **others}


async def offered(world: World, items: list[Json], service: Provider) -> Offer:
    """Publish a resource that is shared by every mode; it holds nothing yet."""
    provider = await world.department()
    publisher = await world.client(provider)
    resource = await world.resource(provider, items, share_modes=list(MODES))
    await allow_loopback(world, provider)
    mounted = {"base_url": service.base_url, "operations": OPERATIONS, "auth": {"kind": "none"}}
    await provider.head.ask("PUT", f"/v1/resources/{resource}/service", mounted)
    return Offer(provider, publisher, resource)


async def folded(offer: Offer, count: int) -> None:
    """Wait until so many records can be queried."""

    async def is_folded() -> bool:
        answer = await offer.publisher.get(f"/v1/resources/{offer.resource}/records")
        return answer.status_code == 200 and len(answer.json()["items"]) == count

    await eventually(is_folded)


async def party(world: World, offer: Offer, **asked: Any) -> Party:  # noqa: ANN401
    department = await world.department()
    client = await world.client(department)
    made = await asyncio.gather(
        *(
            world.subscription(offer.resource, department, client, mode=mode, **asked)
            for mode, _ask in WAYS.values()
        )
    )
    paths = (f"/v1/subscriptions/{subscription}" for subscription in made)
    return Party(department, client, dict(zip(WAYS, paths, strict=True)))
