"""One slow or greedy neighbour hurts nobody (P9)."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support import processes
from tests.support.callers import NDJSON
from tests.support.eventually import eventually
from tests.support.world import Sharing, World

MEBI = 1024 * 1024


@pytest.fixture(scope="module")
async def narrow(settings: dict[str, str], logs: Path) -> AsyncIterator[str]:
    """A gateway of one worker that holds 16 MiB of bodies and 4 of answers, a client a quarter."""
    bounded = processes.beside(settings) | {
        "SHUYUAN_INFLIGHT_BYTES": str(16 * MEBI),
        "SHUYUAN_UNTAKEN_BYTES": str(4 * MEBI),
    }
    with processes.gateway(bounded, logs / "narrow.log") as running:
        yield running.base_url


class Stalled:
    """A publish that sends part of its body and then waits to be let on."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.sent = asyncio.Event()
        self.go_on = asyncio.Event()

    async def body(self) -> AsyncIterator[bytes]:
        yield b" " * self._size
        self.sent.set()
        await self.go_on.wait()
        yield b" "


async def post(
    base_url: str, sharing: Sharing, content: bytes | AsyncIterator[bytes]
) -> httpx.Response:
    headers = {
        "Authorization": f"Bearer {await sharing.publisher.token()}",
        "Content-Type": NDJSON,
    }
    async with httpx.AsyncClient(base_url=base_url, timeout=120) as http:
        path = f"/v1/resources/{sharing.resource}/records"
        return await http.post(path, content=content, headers=headers)


async def test_a_client_that_stalls_with_full_hands_is_bounded_and_others_go_on(
    world: World, narrow: str
) -> None:
    greedy, modest = await asyncio.gather(world.sharing(), world.sharing())
    stalled = [Stalled(MEBI) for _ in range(4)]
    async with AsyncExitStack() as stack:
        for each in stalled:
            task = asyncio.create_task(post(narrow, greedy, each.body()))
            stack.push_async_callback(asyncio.wait_for, task, 240)
            stack.callback(each.go_on.set)
        await asyncio.gather(*(each.sent.wait() for each in stalled))
        await asyncio.sleep(0.3)
        refused = await post(narrow, greedy, b'{"id":"a","name":"x"}')
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert int(refused.headers["retry-after"]) >= 1
        answer = await post(narrow, modest, b'{"id":"a","name":"x"}')
        assert answer.status_code == 201, answer.text
    again = await post(narrow, greedy, b'{"id":"a","name":"x"}')
    assert again.status_code == 201


async def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(
    world: World, narrow: str
) -> None:
    sharing = await world.sharing()
    for _round in range(8):
        stalled = Stalled(MEBI)
        task = asyncio.create_task(post(narrow, sharing, stalled.body()))
        await stalled.sent.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0.3)
    answer = await post(narrow, sharing, b'{"id":"a","name":"x"}')
    assert answer.status_code == 201, answer.text
    shown = await sharing.subscriber.pull_all(sharing.subscription)
    assert [record["key"] for record in shown.records] == ["a"]


async def test_many_open_polls_leave_a_publish_and_a_pull_alone(world: World) -> None:
    waiting, busy = await asyncio.gather(world.sharing(), world.sharing())
    start = await waiting.subscriber.pull(waiting.subscription)
    polls = [
        asyncio.create_task(
            waiting.subscriber.try_pull(waiting.subscription, start.cursor, wait=12)
        )
        for _ in range(90)
    ]
    await asyncio.sleep(0.5)
    await busy.publisher.publish(busy.resource, [{"id": "a", "name": "x"}])
    page = await asyncio.wait_for(busy.subscriber.pull(busy.subscription), 60)
    assert [record["key"] for record in page.records] == ["a"]
    answers = await asyncio.gather(*polls)
    assert {answer.status_code for answer in answers} == {200}


async def test_a_client_that_does_not_read_its_answers_gets_no_more_and_others_do(
    world: World, narrow: str
) -> None:
    greedy, modest = await asyncio.gather(world.sharing(), world.sharing())
    long = "汉" * 200
    for start in (0, 5000):
        records = [{"id": f"{start + n}", "name": long} for n in range(5000)]
        await greedy.publisher.publish(greedy.resource, records)
    await modest.publisher.publish(modest.resource, [{"id": "a", "name": "x"}])

    async def is_refused() -> bool:
        return (await _pulled(narrow, greedy)).status_code != 200

    with closing(await _ask_without_reading(narrow, greedy, limit=10_000)):
        await eventually(is_refused)
        refused = await _pulled(narrow, greedy)
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert int(refused.headers["retry-after"]) >= 1

        async def is_served_beside() -> bool:
            return (await _pulled(narrow, modest)).status_code == 200

        await eventually(is_served_beside)

    async def is_served() -> bool:
        return (await _pulled(narrow, greedy)).status_code == 200

    await eventually(is_served)


async def _ask_without_reading(base_url: str, sharing: Sharing, limit: int) -> socket.socket:
    loop, where = asyncio.get_running_loop(), urlsplit(base_url)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    client.setblocking(False)
    await loop.sock_connect(client, (where.hostname, where.port))
    path = f"/v1/subscriptions/{sharing.subscription}/records?limit={limit}"
    token = await sharing.subscriber.token()
    head = f"GET {path} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {token}\r\n\r\n"
    await loop.sock_sendall(client, head.encode())
    return client


async def _pulled(base_url: str, sharing: Sharing) -> httpx.Response:
    headers = {"Authorization": f"Bearer {await sharing.subscriber.token()}"}
    async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=120) as http:
        return await http.get(f"/v1/subscriptions/{sharing.subscription}/records?limit=1")
