"""Any process may be killed at any moment: nothing acknowledged is lost or doubled (P4, P5).

A test that kills a gateway has one of its own beside the session's, on the same database and
broker. Kills under load are the campaign's (test_campaign.py).
"""

import asyncio
import json
import signal
import time
from collections import Counter
from contextlib import AsyncExitStack

import httpx
import pytest

from deploy.local.stack import Endpoints, Stack
from kernel.database import Database
from tests.support.callers import ndjson
from tests.support.doors import (
    PATIENCE_SECONDS,
    die_on_the_wire,
    door,
    frozen,
    in_the_log,
    records,
)
from tests.support.eventually import eventually
from tests.support.processes import Running
from tests.support.world import Sharing, World


@pytest.mark.slow
async def test_a_frozen_worker_that_wakes_lets_nothing_out_under_old_rules(
    world: World, mortal: Running
) -> None:
    """The subscription is suspended while the worker sleeps; waking, it must not serve it (P3)."""
    sharing = await world.sharing()
    await sharing.publisher.publish(sharing.resource, records("a", 3))
    token = await sharing.subscriber.token()
    path = f"/v1/subscriptions/{sharing.subscription}"
    async with httpx.AsyncClient(
        base_url=mortal.base_url, headers={"Authorization": f"Bearer {token}"}, timeout=20
    ) as http:
        assert (await http.get(f"{path}/records")).status_code == 200
        with frozen(mortal.process.pid):
            await sharing.provider.head.ask(
                "POST", f"{path}/suspend", {"reason": "滥用", "remedy_by": "2098-01-01"}
            )
            await asyncio.sleep(1.5)
            asked = [asyncio.create_task(http.get(f"{path}/records")) for _ in range(20)]
            await asyncio.sleep(0.2)
        answers = await asyncio.gather(*asked)
        assert {answer.status_code for answer in answers} <= {403, 503}
        await asyncio.sleep(1)
        assert (await http.get(f"{path}/records")).status_code == 403


@pytest.mark.slow
async def test_killed_between_append_and_answer_then_asked_again(
    world: World,
    platform: Running,
    mortal: Running,
    stack: Stack,
    endpoints: Endpoints,
    database: Database,
) -> None:
    """The appends are on the wire when their gateway dies, and reach the log only afterwards.

    A retry must find each there, or fence it off for good: one receipt, one visible copy, in one
    partition and across several.
    """
    sharings = [await world.sharing(partitions=partitions) for partitions in (1, 3)]
    body = ndjson(records("once", 20))
    async with AsyncExitStack() as doors:
        doomed = [
            await doors.enter_async_context(door(mortal.base_url, sharing)) for sharing in sharings
        ]
        for each in doomed:
            await each.insist(ndjson(records("before", 20)), "warm")
        await die_on_the_wire(doomed, mortal, stack, database, body)
    await asyncio.gather(
        *(asked_again(platform.base_url, sharing, body, endpoints) for sharing in sharings)
    )


async def asked_again(base_url: str, sharing: Sharing, body: bytes, endpoints: Endpoints) -> None:
    """Publish again from several sides at once: one receipt, one copy in the log and outside."""
    async with door(base_url, sharing) as living:
        answers = await asyncio.gather(*(living.insist(body, "once") for _ in range(5)))
    assert len({answer.json()["receipt_id"] for answer in answers}) == 1
    counts = Counter(await in_the_log(endpoints, sharing.resource))
    assert set(counts.values()) == {1}
    assert len(counts) == 40
    shown = await sharing.subscriber.pull_all(sharing.subscription)
    assert len(shown.records) == 40
    receipt = answers[0].json()
    assert receipt["accepted"] == 20


@pytest.mark.slow
async def test_the_database_killed_stops_delivery_and_comes_back(
    world: World, platform: Running, stack: Stack
) -> None:
    """Without the database no rule can be confirmed: 503 with Retry-After, then service again."""
    sharing = await world.sharing()
    await sharing.publisher.publish(sharing.resource, records("d", 2))
    assert (await sharing.subscriber.try_pull(sharing.subscription)).status_code == 200
    await asyncio.to_thread(stack.kill, "postgres", signal.SIGKILL)

    async def stopped() -> bool:
        return (await sharing.subscriber.try_pull(sharing.subscription)).status_code == 503

    await eventually(stopped)
    answer = await sharing.subscriber.try_pull(sharing.subscription)
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["retry-after"]) >= 1
    assert json.loads(answer.content)["code"]
    ready = await sharing.subscriber.get("/readyz")
    assert ready.status_code == 503
    await asyncio.to_thread(stack.restart, "postgres")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (await sharing.subscriber.try_pull(sharing.subscription)).status_code != 200:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    async with door(platform.base_url, sharing) as at:
        await at.insist(ndjson(records("after", 2)), "after")
    shown = await sharing.subscriber.pull_all(sharing.subscription)
    assert len(shown.records) == 4
