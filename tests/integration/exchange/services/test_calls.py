"""A department's HTTP service, mounted and called: checked, filtered, masked, bounded, closed."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from exchange.modes import Live
from exchange.subscriptions.tables import LiveResource
from kernel.database import Database
from tests.support.eventually import eventually
from tests.support.problems import problem
from tests.support.services import MIB, Provider, providing
from tests.support.world import Sharing, World

Json = dict[str, Any]


@pytest.fixture(scope="module")
async def provider() -> AsyncIterator[Provider]:
    async with providing() as made:
        yield made


OPERATIONS = [
    {"name": "find", "path": "/find", "query": ["name", "q"], "response": "records"},
    {"name": "send", "method": "POST", "path": "/send", "response": "records"},
    {"name": "raw", "path": "/raw", "query": ["q"], "response": "opaque"},
]


@pytest.fixture(scope="module")
async def sharing(world: World, provider: Provider) -> Sharing:
    made = await world.sharing()
    resource = await world.resource(made.provider, share_modes=["pull", "api"])
    networks = f"/v1/departments/{made.provider.uscc}/networks"
    assert (await world.security.put(networks, {"cidrs": ["127.0.0.0/8"]})).status_code == 200
    subscription = await world.subscription(
        resource, made.consumer, made.subscriber, mode="api", items=["id", "name"]
    )
    mounted = Sharing(
        made.provider, made.publisher, resource, made.consumer, made.subscriber, subscription
    )
    service = {
        "base_url": provider.base_url,
        "operations": OPERATIONS,
        "auth": {"kind": "header", "name": "X-Key", "secret": "秘".encode().hex()},
        "timeouts": {"first_byte": 1.0, "idle": 1.0},
    }
    answer = await made.provider.head.put(f"/v1/resources/{resource}/service", service)
    assert answer.status_code == 200, answer.text
    return mounted


def path(sharing: Sharing, operation: str) -> str:
    return f"/v1/subscriptions/{sharing.subscription}/call/{operation}"


def records(*ids: str) -> list[Json]:
    return [{"id": id_, "name": f"名{id_}", "amount": 1} for id_ in ids]


async def test_a_service_is_mounted_by_the_head_and_keeps_its_secret(
    world: World, database: Database, provider: Provider, sharing: Sharing
) -> None:
    place = f"/v1/resources/{sharing.resource}/service"
    head = sharing.provider.head
    shown = await head.get(place)
    assert shown.json()["auth"] == {"kind": "header", "name": "X-Key"}
    assert "秘".encode().hex() not in shown.text
    body: Json = {"base_url": provider.base_url, "operations": OPERATIONS}
    problem(await head.put(place, body), 428, "precondition_required")
    stale = await head.put(place, body, headers={"If-Match": '"77"'})
    assert stale.status_code == 412
    tag = {"If-Match": shown.headers["etag"]}
    outside = {**body, "base_url": "http://10.9.9.9/"}
    answer = await head.put(place, outside, headers=tag)
    assert problem(answer, 422, "validation_failed")["errors"][0]["path"] == "base_url"
    kept = {**body, "auth": {"kind": "header", "name": "X-Key"}, "timeouts": {"first_byte": 1.0}}
    changed = await head.put(place, kept, headers=tag)
    assert changed.json()["revision"] == 2
    problem(await sharing.provider.clerk.put(place, body, headers=tag), 403, "role_required")
    stranger = await world.department()
    problem(await stranger.head.get(place), 404, "not_found")
    # Mounted, it ends the clock of those who call it (C6).
    async with database.reading() as session:
        assert await session.get(LiveResource, (sharing.resource, Live.SERVICE)) is not None


async def test_records_are_checked_masked_and_shown_as_the_grant_says(
    provider: Provider, sharing: Sharing
) -> None:
    async def answer(_request: web.Request) -> web.Response:
        headers = {"Set-Cookie": "a=b", "X-Internal": "1"}
        return web.json_response(records("1", "2"), headers=headers)

    provider.answer = answer
    got = await sharing.subscriber.get(path(sharing, "find"), params={"name": "甲&x"})
    assert got.json() == {
        "items": [
            {"key": "1", "data": {"id": "1", "name": "名1"}},
            {"key": "2", "data": {"id": "2", "name": "名2"}},
        ]
    }
    assert not {"set-cookie", "x-internal"} & {name.lower() for name in got.headers}
    asked = provider.seen[-1]
    assert asked.path == "/base/find"
    assert asked.query["name"] == "甲&x"
    assert asked.headers["X-Key"] == "秘".encode().hex()
    assert not {"Authorization", "Cookie"} & set(asked.headers)
    unknown = await sharing.subscriber.get(path(sharing, "find"), params={"other": "1"})
    problem(unknown, 400, "invalid_parameter")
    problem(await sharing.subscriber.get(path(sharing, "none")), 404, "not_found")
    problem(await sharing.subscriber.get(path(sharing, "send")), 404, "not_found")
    pulled = await sharing.subscriber.try_pull(sharing.subscription)
    problem(pulled, 403, "mode_not_granted")
    sent = await sharing.subscriber.post(path(sharing, "send"), {"ids": ["1"]})
    assert len(sent.json()["items"]) == 2
    assert provider.bodies[-1] == sent.request.content


async def test_what_is_wrong_with_a_service_is_its_own_failure(
    provider: Provider, sharing: Sharing
) -> None:
    async def told(answer: Any) -> str:  # noqa: ANN401 - what a handler returns
        async def handler(_request: web.Request) -> web.StreamResponse:
            made: web.StreamResponse = answer()
            return made

        provider.answer = handler
        refused = await sharing.subscriber.get(path(sharing, "find"))
        return str(problem(refused, 502, "service_failed")["reason"])

    assert await told(lambda: web.Response(body=b"{no json")) == "malformed_json"
    assert await told(lambda: web.json_response([{"id": "1"}])) == "contract"
    large = records(*map(str, range(40_000)))
    assert await told(lambda: web.json_response(large)) == "body_too_large"
    assert await told(lambda: web.Response(status=302, headers={"Location": "/x"})) == "status"
    assert await told(lambda: web.Response(status=404)) == "status"

    async def never(_request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    provider.answer = never
    slow = await sharing.subscriber.get(path(sharing, "find"))
    assert problem(slow, 502, "service_failed")["reason"] == "first_byte_timeout"
    await eventually(lambda: _is(provider.open == 0))


async def test_an_answer_without_end_or_bound_is_its_own_failure(
    world: World, provider: Provider, sharing: Sharing
) -> None:
    """Ten gibibytes announced, chunks without end, a bomb: nothing is held, no call is stuck."""
    bomb = gzip.compress(b" " * 64 * MIB)

    async def announced(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": str(10 * 1024 * MIB)})
        await answer.prepare(request)
        await answer.write(b"x" * 1024)
        await asyncio.sleep(30)
        return answer

    async def endless(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(request)
        while True:
            await answer.write(b" " * 64 * 1024)

    async def packed(_request: web.Request) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    async def good(_request: web.Request) -> web.Response:
        return web.json_response(records("1"))

    expected = {announced: "body_too_large", endless: "body_too_large", packed: "coding"}
    for answer, reason in expected.items():
        provider.answer = answer
        refused = await sharing.subscriber.get(path(sharing, "find"))
        assert problem(refused, 502, "service_failed")["reason"] == reason, answer
        provider.answer = good
        assert (await sharing.subscriber.get(path(sharing, "find"))).status_code == 200
    whole = await world.subscription(
        sharing.resource, sharing.consumer, sharing.subscriber, mode="api"
    )
    raw = f"/v1/subscriptions/{whole}/call/raw"
    provider.answer = announced
    refused = await sharing.subscriber.get(raw)
    assert problem(refused, 502, "service_failed")["reason"] == "body_too_large"
    provider.answer = packed
    headers = {"Authorization": f"Bearer {await sharing.subscriber.token()}"}
    async with world.http.stream("GET", raw, headers=headers) as passed:
        # It is the consumer's to unpack: nobody does so here.
        assert b"".join([piece async for piece in passed.aiter_raw()]) == bomb
    await eventually(lambda: _is(provider.open == 0))


async def test_an_answer_without_a_body_leaves_nothing_behind_it(
    gateway: str, world: World, provider: Provider, sharing: Sharing
) -> None:
    """The end of a body that a 204 cannot have stood before the next answer's head."""

    async def nothing(_request: web.Request) -> web.Response:
        return web.Response(status=204)

    provider.answer = nothing
    whole = await world.subscription(
        sharing.resource, sharing.consumer, sharing.subscriber, mode="api", records_per_day=3
    )
    head = f"Host: x\r\nAuthorization: Bearer {await sharing.subscriber.token()}\r\n\r\n"
    asked = f"GET /v1/subscriptions/{whole}/call/raw HTTP/1.1\r\n{head}".encode()
    place = urlsplit(gateway)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    for _ in range(2):
        writer.write(asked)
        told = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
        assert told.startswith(b"HTTP/1.1 204 "), told
        assert b"transfer-encoding" not in told
    writer.write(asked.replace(b"Host: x", b"Host: x\r\nConnection: close"))
    assert (await asyncio.wait_for(reader.read(), 60)).endswith(b"\r\n\r\n")
    writer.close()
    # Each was a call: one that only does something was free, however often.
    over = await sharing.subscriber.get(f"/v1/subscriptions/{whole}/call/raw")
    problem(over, 429, "quota_exhausted")


async def test_a_name_of_a_file_is_handed_on_as_it_was_written(
    world: World, provider: Provider, sharing: Sharing
) -> None:
    """One in Chinese, not encoded as RFC 8187 has it, was a 500."""

    async def named(_request: web.Request) -> web.Response:
        told = {"Content-Disposition": 'attachment; filename="统计.csv"'}
        return web.Response(body=b"x", headers=told)

    provider.answer = named
    whole = await world.subscription(
        sharing.resource, sharing.consumer, sharing.subscriber, mode="api"
    )
    got = await sharing.subscriber.get(f"/v1/subscriptions/{whole}/call/raw")
    assert got.status_code == 200, got.text
    (written,) = [value for name, value in got.headers.raw if name == b"content-disposition"]
    assert written.decode() == 'attachment; filename="统计.csv"'


async def _is(so: bool) -> bool:
    return so


async def test_an_opaque_answer_passes_through_and_closes_when_its_reader_leaves(
    world: World, provider: Provider, sharing: Sharing
) -> None:
    cut = asyncio.Event()

    async def stream(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "application/x-thing"})
        await answer.prepare(request)
        try:
            for _ in range(400 if "q" in request.query else 3):
                await answer.write(b"x" * MIB)
        except (ConnectionError, asyncio.CancelledError):
            cut.set()
            raise
        return answer

    provider.answer = stream
    # An answer that is passed through shows the items that were not granted, too.
    problem(await sharing.subscriber.get(path(sharing, "raw")), 403, "mode_not_granted")
    whole = await world.subscription(
        sharing.resource, sharing.consumer, sharing.subscriber, mode="api"
    )
    raw = f"/v1/subscriptions/{whole}/call/raw"
    got = await sharing.subscriber.get(raw)
    assert (got.status_code, len(got.content)) == (200, 3 * MIB)
    assert got.headers["content-type"] == "application/x-thing"
    assert got.headers["content-security-policy"] == "sandbox"
    token = await sharing.subscriber.token()
    headers = {"Authorization": f"Bearer {token}"}
    async with world.http.stream("GET", raw, params={"q": "1"}, headers=headers) as answer:
        async for _chunk in answer.aiter_raw():
            break
    await asyncio.wait_for(cut.wait(), 60)
    await eventually(lambda: _is(provider.open == 0))
    filtered = await world.subscription(
        sharing.resource,
        sharing.consumer,
        sharing.subscriber,
        mode="api",
        row_filter=[{"item": "id", "op": "eq", "value": "1"}],
    )
    refused = await sharing.subscriber.get(f"/v1/subscriptions/{filtered}/call/raw")
    problem(refused, 403, "mode_not_granted")

    async def two(_request: web.Request) -> web.Response:
        return web.json_response(records("1", "2"))

    provider.answer = two
    one = await sharing.subscriber.get(f"/v1/subscriptions/{filtered}/call/find")
    assert [each["key"] for each in one.json()["items"]] == ["1"]


async def test_a_quota_counts_records_or_calls(
    world: World, provider: Provider, sharing: Sharing
) -> None:
    async def two(_request: web.Request) -> web.Response:
        return web.json_response(records("1", "2"))

    provider.answer = two
    few = await world.subscription(
        sharing.resource, sharing.consumer, sharing.subscriber, mode="api", records_per_day=4
    )
    place = f"/v1/subscriptions/{few}"
    for operation, used in (("find", 2), ("raw", 3)):
        assert (await sharing.subscriber.get(f"{place}/call/{operation}")).status_code == 200
        shown = await sharing.consumer.clerk.ask("GET", place)
        assert shown["used_today"] == used
    over = await sharing.subscriber.get(f"{place}/call/find")
    problem(over, 429, "quota_exhausted")

    async def given_back() -> bool:
        return (await sharing.subscriber.get(f"{place}/call/raw")).status_code == 200

    await eventually(given_back)
    problem(await sharing.subscriber.get(f"{place}/call/raw"), 429, "quota_exhausted")


async def test_a_service_that_fails_again_and_again_is_left_alone(
    provider: Provider, sharing: Sharing
) -> None:
    async def broken(_request: web.Request) -> web.Response:
        return web.Response(status=500)

    provider.answer = broken
    answer = await sharing.subscriber.get(path(sharing, "find"))
    for _ in range(40):
        if answer.status_code == 503:
            break
        problem(answer, 502, "service_failed")
        answer = await sharing.subscriber.get(path(sharing, "find"))
    problem(answer, 503, "service_open")
    assert int(answer.headers["retry-after"]) > 0
