"""One slow or greedy neighbour hurts nobody (P9)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from tests.support import processes
from tests.support.callers import NDJSON
from tests.support.world import Sharing, World

MEBI = 1024 * 1024


@pytest.fixture(scope="module")
async def narrow(settings: dict[str, str], logs: Path) -> AsyncIterator[str]:
    """A gateway of one worker that holds 16 MiB of bodies, a client 4 of them."""
    bounded = processes.beside(settings) | {"SHUYUAN_INFLIGHT_BYTES": str(16 * MEBI)}
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
    async with httpx.AsyncClient(base_url=base_url, timeout=30) as http:
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
            stack.push_async_callback(asyncio.wait_for, task, 30)
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
        asyncio.create_task(waiting.subscriber.try_pull(waiting.subscription, start.cursor, wait=6))
        for _ in range(90)
    ]
    await asyncio.sleep(0.5)
    await busy.publisher.publish(busy.resource, [{"id": "a", "name": "x"}])
    page = await asyncio.wait_for(busy.subscriber.pull(busy.subscription), 3)
    assert [record["key"] for record in page.records] == ["a"]
    answers = await asyncio.gather(*polls)
    assert {answer.status_code for answer in answers} == {200}
