"""Every way out holds to the same rules: a test for a rule, a cell of its row for a way (P3)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web
from sqlmodel import col, update

from exchange.subscriptions.tables import Subscription
from kernel import clock
from kernel.changes import announce_all
from kernel.database import Database
from kernel.workdays import local_date
from tests.integration.exchange.delivery.test_files import provided
from tests.integration.exchange.delivery.test_lookups import ITEMS, NANNING, RECORDS
from tests.support import processes
from tests.support.callers import ClientApp
from tests.support.eventually import eventually, patience
from tests.support.pooler import swallowing_notifications
from tests.support.receiving import Receiver, allow_loopback, receiving, set_endpoint
from tests.support.services import MIB, Provider, providing
from tests.support.ways import EXPECTED, WAYS, Offer, Party, folded, offered, party, row
from tests.support.world import Department, Sharing, World

Json = dict[str, Any]
PLAIN = [{name: said for name, said in item.items() if name != "mask"} for item in ITEMS]


@pytest.fixture(scope="module")
async def service() -> AsyncIterator[Provider]:
    async with providing() as made:
        made.answer = answering(RECORDS[:1])
        yield made


def answering(records: list[Json]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response(records)

    return answer


@pytest.fixture(scope="module")
async def offer(world: World, service: Provider) -> Offer:
    """It holds one record, two files and a service."""
    made = await offered(world, PLAIN, service)
    await made.publisher.publish(made.resource, RECORDS[:1])
    for name in ("a", "b"):
        await provided(made.publisher, made.resource, name.encode() * 100, filename=name)
    await folded(made, 1)
    return made


@dataclass(frozen=True)
class Scene:
    """What a rule's change may touch."""

    world: World
    database: Database
    provider: Department
    department: Department
    client: ClientApp
    subscriptions: list[str]


async def suspend(scene: Scene) -> None:
    reason = {"reason": "核查", "remedy_by": "2098-01-01"}
    head = scene.provider.head
    paths = (f"/v1/subscriptions/{each}/suspend" for each in scene.subscriptions)
    await asyncio.gather(*(head.ask("POST", path, reason) for path in paths))


async def expire(scene: Scene) -> None:
    """Let yesterday be the last day."""
    yesterday = local_date(clock.now()) - timedelta(days=1)
    async with scene.database.transaction() as session:
        these = col(Subscription.id).in_(scene.subscriptions)
        await session.execute(update(Subscription).where(these).values(valid_until=yesterday))
        await announce_all(session, "subscription", scene.subscriptions)


async def revoke(scene: Scene) -> None:
    client = scene.client
    token = {"token": await client.token()}
    answer = await scene.world.http.post(
        "/oauth/revoke", data=token, auth=(client.id, client.secret)
    )
    assert answer.status_code == 200


async def suspend_client(scene: Scene) -> None:
    await scene.department.head.ask("POST", f"/v1/clients/{scene.client.id}/suspend")


async def abolish(scene: Scene) -> None:
    path, operator = f"/v1/departments/{scene.department.uscc}", scene.world.operator
    tag = (await operator.get(path)).headers["etag"]
    changed = await operator.patch(path, {"status": "abolished"}, headers={"If-Match": tag})
    assert changed.status_code == 200, changed.text


async def terminate(scene: Scene) -> None:
    head, reason = scene.department.head, {"reason": "不再需要"}
    paths = (f"/v1/subscriptions/{each}/terminate" for each in scene.subscriptions)
    await asyncio.gather(*(head.ask("POST", path, reason) for path in paths))


Spoil = Callable[[Scene], Awaitable[None]]
RULES = [
    pytest.param(suspend, "subscription_suspended", id="a suspended subscription"),
    pytest.param(expire, "subscription_expired", id="an expired one"),
    pytest.param(terminate, "subscription_terminated", id="a terminated one"),
    pytest.param(revoke, "token_revoked", id="a revoked token"),
    pytest.param(suspend_client, "token_revoked", id="a suspended client"),
    pytest.param(abolish, "token_revoked", id="an abolished department"),
]


@pytest.mark.parametrize(("spoil", "code"), RULES)
async def test_nothing_leaves_by_any_way_once_a_rule_forbids_it(
    world: World, database: Database, offer: Offer, spoil: Spoil, code: str
) -> None:
    consumer = await party(world, offer)
    assert await consumer.codes() == row("ok")
    facts = (offer.provider, consumer.department, consumer.client, consumer.subscriptions)
    await spoil(Scene(world, database, *facts))
    seen: dict[str, str] = {}

    async def refused() -> bool:
        seen.update(await consumer.codes())
        return seen == row(code)

    with suppress(AssertionError):
        await eventually(refused, within_seconds=1)
    assert seen == row(code)


async def test_a_quota_that_is_used_up_ends_every_way(world: World, offer: Offer) -> None:
    consumer = await party(world, offer, records_per_day=1)
    assert await consumer.codes() == row("ok")
    assert await consumer.codes(turn=1) == row("quota_exhausted")


async def test_another_department_finds_nothing_by_any_way(world: World, offer: Offer) -> None:
    consumer = await party(world, offer)
    stranger = await world.client(await world.department())
    for who in (stranger, offer.publisher):
        assert await consumer.codes(who) == row("not_found")


async def test_no_way_serves_a_grant_of_another(world: World, offer: Offer) -> None:
    consumer = await party(world, offer)
    pulled, verified = consumer.paths["pull"], consumer.paths["verify"]
    other = {way: verified if WAYS[way][0] in {"pull", "table"} else pulled for way in WAYS}
    wrong = Party(consumer.department, consumer.client, other)
    assert await wrong.codes() == row("mode_not_granted")


async def test_a_worker_that_does_not_hear_of_rules_lets_nothing_out(
    world: World, offer: Offer, settings: dict[str, str], tmp_path: Path
) -> None:
    consumer = await party(world, offer)
    assert await consumer.codes() == row("ok")
    async with swallowing_notifications(settings["SHUYUAN_DATABASE_URL"]) as url:
        deaf = processes.beside({**settings, "SHUYUAN_DATABASE_URL": url})
        base = f"http://127.0.0.1:{deaf['SHUYUAN_PORT']}"
        with processes.running(["gateway", "serve"], deaf, tmp_path / "deaf.log", base):
            async with httpx.AsyncClient(base_url=base, timeout=120) as http:
                await eventually(lambda: _is_alive(http), within_seconds=30)
                told = {"client_id": consumer.client.id, "client_secret": consumer.client.secret}
                there = ClientApp(http, consumer.department.uscc, told)
                there._token, there._ends_at = await consumer.client.token(), float("inf")
                assert await consumer.codes(there) == row("unavailable")


async def _is_alive(http: httpx.AsyncClient) -> bool:
    with suppress(httpx.TransportError):
        return (await http.get("/healthz")).status_code == 200
    return False


async def test_masks_and_filters_hold_for_every_way(world: World, service: Provider) -> None:
    """What can be neither masked nor filtered does not leave at all."""
    offer = await offered(world, list(ITEMS), service)
    async with receiving() as receiver:
        consumer = await party(world, offer, row_filter=NANNING)
        pushed = await world.subscription(
            offer.resource, consumer.department, consumer.client, mode="push", row_filter=NANNING
        )
        await pushed_to(world, offer, consumer, pushed, receiver)
        await offer.publisher.publish(offer.resource, list(reversed(RECORDS)))
        await folded(offer, 2)
        service.answer = answering(RECORDS)
        seen = await consumer.ask()
        service.answer = answering(RECORDS[:1])
        refusals = {"file": "files_not_granted", "service": "mode_not_granted"}
        assert {way: each.code for way, each in seen.items()} == row("ok", **refusals)
        await eventually(lambda: len(receiver.records) == 1)
        shown = {way: each.text for way, each in seen.items() if way not in {*refusals, "verify"}}
        shown["push"] = str(receiver.records)
        for way, text in shown.items():
            assert "韦***" in text, way
            assert not {part for part in ("韦某某", "k2", "450200") if part in text}, way
        hidden = await consumer.client.get(f"{consumer.paths['query']}/records/k2")
        assert hidden.status_code == 404
        path = f"{consumer.paths['verify']}/verify"
        for key, name, match in (("k1", "韦某某", True), ("k2", "黄某某", False)):
            body = {**EXPECTED, "key": key, "expect": {"name": name}}
            assert await consumer.client.ask("POST", path, body) == {"match": match}


async def pushed_to(
    world: World, offer: Offer, consumer: Party, subscription: str, receiver: Receiver
) -> None:
    await allow_loopback(world, consumer.department)
    shares = (offer.provider, offer.publisher, offer.resource)
    who = (consumer.department, consumer.client, subscription)
    await set_endpoint(Sharing(*shares, *who), receiver)


async def rest(_scene: Scene) -> None:
    """Let the quota be what was pushed already."""


@pytest.mark.parametrize(
    "spoil", [suspend, expire, suspend_client, abolish, rest], ids=lambda each: each.__name__
)
async def test_nothing_is_pushed_once_a_rule_forbids_it(
    world: World, database: Database, pushing: tuple[Offer, Receiver], spoil: Spoil
) -> None:
    """A token cannot be revoked here, and no stranger asks: nobody but the platform sends."""
    offer, control = pushing
    count = len(control.records)
    department = await world.department()
    client = await world.client(department)
    async with receiving() as receiver:
        quota = count if spoil is rest else None
        subscription = await world.subscription(
            offer.resource, department, client, mode="push", records_per_day=quota
        )
        consumer = Party(department, client, {})
        await pushed_to(world, offer, consumer, subscription, receiver)
        await eventually(lambda: len(receiver.records) == count)
        await spoil(Scene(world, database, offer.provider, department, client, [subscription]))
        await offer.publisher.publish(offer.resource, [{"id": f"later{count}", "name": "x"}])
        await eventually(lambda: len(control.records) == count + 1)
        assert len(receiver.records) == count


@pytest.fixture(scope="module")
async def pushing(world: World, service: Provider) -> AsyncIterator[tuple[Offer, Receiver]]:
    """A resource that is pushed to a receiver whose grant nobody touches."""
    made = await offered(world, PLAIN, service)
    await made.publisher.publish(made.resource, RECORDS[:1])
    async with receiving() as control:
        department = await world.department()
        consumer = Party(department, await world.client(department), {})
        subscription = await world.subscription(
            made.resource, department, consumer.client, mode="push"
        )
        await pushed_to(world, made, consumer, subscription, control)
        await eventually(lambda: len(control.records) == 1)
        yield made, control


async def test_a_call_under_way_is_cut_short(world: World, offer: Offer, service: Provider) -> None:
    """Polls, pages and downloads under way end in test_pull, test_leaving and test_files."""
    usual, ended_ = service.answer, asyncio.Event()

    async def without_end(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        try:
            while True:
                await answer.write(b"x" * MIB)
        finally:
            ended_.set()

    service.answer = without_end
    department = await world.department()
    client = await world.client(department)
    subscription = await world.subscription(offer.resource, department, client, mode="api")
    token = {"Authorization": f"Bearer {await client.token()}"}
    path = f"/v1/subscriptions/{subscription}"
    reason = {"reason": "核查", "remedy_by": "2098-01-01"}
    try:
        async with world.http.stream("GET", f"{path}/call/raw", headers=token) as answer:
            pieces = answer.aiter_raw()
            assert await anext(pieces)
            await offer.provider.head.ask("POST", f"{path}/suspend", reason)
            with pytest.raises(httpx.TransportError):
                await _drained(pieces)
        await asyncio.wait_for(ended_.wait(), patience(5))
    finally:
        service.answer = usual


async def _drained(pieces: AsyncIterator[bytes]) -> None:
    async for _piece in pieces:
        pass
