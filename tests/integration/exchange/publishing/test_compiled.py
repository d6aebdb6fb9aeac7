"""A gateway that has loaded its compiled passes takes, refuses and shows what any other does."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from kernel.machine.__main__ import PASSES
from tests.support import processes
from tests.support.world import Sharing, World

WAIT_SECONDS = 120
SHOWN = ("id", "amount")
Asked = tuple[httpx.AsyncClient, Sharing]


def lines(start: int, count: int = 40) -> list[str]:
    return [
        f'{{"id": "r{start + number}", "name": "名称", "amount": {number}}}'
        for number in range(count)
    ]


async def publish(http: httpx.AsyncClient, sharing: Sharing, texts: list[str]) -> httpx.Response:
    token = await sharing.publisher.token()
    return await http.post(
        f"/v1/resources/{sharing.resource}/records",
        content="\n".join(texts),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/x-ndjson"},
    )


async def pull(http: httpx.AsyncClient, sharing: Sharing) -> httpx.Response:
    token = await sharing.subscriber.token()
    path = f"/v1/subscriptions/{sharing.subscription}/records"
    return await http.get(
        path, params={"limit": 10_000}, headers={"Authorization": f"Bearer {token}"}
    )


def is_loaded(log: Path) -> bool:
    """Whether the log tells, once and in one line, that every pass is there."""
    told = [line for line in log.read_text().splitlines() if "compiled and loaded" in line]
    assert len(told) <= 1
    return len(told) == 1 and all(each in told[0] for each in PASSES)


@pytest.fixture(scope="module")
async def asked(
    world: World, settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Asked]:
    """A node of one worker that has loaded every pass, and a resource of which items are hidden."""
    sharing = await world.sharing(granted=SHOWN)
    eager = processes.beside(settings) | {
        "SHUYUAN_COMPILE_AFTER_RECORDS": "1",
        "SHUYUAN_LOG_LEVEL": "info",
    }
    log: Path = tmp_path_factory.mktemp("compiled") / "gateway.log"
    with processes.gateway(eager, log) as running:
        async with httpx.AsyncClient(base_url=running.base_url, timeout=240) as http:
            end = time.monotonic() + WAIT_SECONDS
            start = 0
            while not is_loaded(log):
                assert time.monotonic() < end, "not loaded"
                assert (await publish(http, sharing, lines(start))).status_code == 201
                assert (await pull(http, sharing)).status_code == 200
                start += 40
                await asyncio.sleep(0.5)
            yield http, sharing


async def test_what_it_takes_is_shown_alike_by_every_node(asked: Asked, world: World) -> None:
    http, sharing = asked
    accepted = await publish(http, sharing, lines(10_000))
    assert accepted.json()["accepted"] == 40
    here, there = await pull(http, sharing), await pull(world.http, sharing)
    assert here.content == there.content
    last: dict[str, Any] = (await sharing.subscriber.pull_all(sharing.subscription)).records[-1]
    assert last == {"op": "upsert", "key": "r10039", "data": {"id": "r10039", "amount": 39}}


@pytest.mark.parametrize(
    "line",
    [
        '{"id": "r1", "name": "名称", "amount": 1.5}',
        '{"id": "r1", "name": 7, "amount": 1}',
        '{"id": "r1", "name": "名称", "amount": 1, "other": 1}',
        '{"id": "r1", "id": "r2", "name": "名称", "amount": 1}',
        '{"id": "r20039", "name": "名称", "amount": 1}',
        '{"name": "名称", "amount": 1}',
        '{"id": "r1", "name": "名称", "amount": 1',
        "",
    ],
)
async def test_what_is_wrong_is_refused_in_the_same_words(
    line: str, asked: Asked, world: World
) -> None:
    http, sharing = asked
    texts = [*lines(20_000), line, *lines(30_000)]
    here, there = [await publish(each, sharing, texts) for each in (http, world.http)]
    assert here.status_code == there.status_code
    assert here.status_code in {400, 422}
    assert here.json()["errors"] == there.json()["errors"]


async def test_what_is_unusual_and_right_is_taken(asked: Asked) -> None:
    http, sharing = asked
    unusual = [
        '{"amount":2,\t"name":"\\u5f20","id":"e~1"}\r',
        '{"id":"e%2","name":"甲","amount":-0}',
    ]
    answer = await publish(http, sharing, [*lines(40_000), *unusual])
    assert answer.json()["accepted"] == 42
    shown = (await sharing.subscriber.pull_all(sharing.subscription)).records[-2:]
    assert [each["key"] for each in shown] == ["e%7E1", "e%252"]
    assert [each["data"] for each in shown] == [
        {"id": "e~1", "amount": 2},
        {"id": "e%2", "amount": 0},
    ]
