"""Gateways as a publisher's system sees them while processes die, and the log behind them."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy import text

from deploy.local.stack import Endpoints, Stack
from exchange.log.topics import topic_of
from kernel.database import Database
from tests.support import processes
from tests.support.callers import NDJSON
from tests.support.eventually import eventually
from tests.support.world import Sharing

PATIENCE_SECONDS = 300.0
LOG_MS = 200


def records(prefix: str, count: int) -> list[dict[str, Any]]:
    return [{"id": f"{prefix}-{n}", "name": prefix} for n in range(count)]


class Door:
    """One gateway as a publisher's system sees it, over connections of its own."""

    def __init__(self, http: httpx.AsyncClient, token: str, resource: str) -> None:
        self._http, self._token, self._resource = http, token, resource

    async def publish(self, body: bytes, key: str) -> httpx.Response:
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": NDJSON,
            "Idempotency-Key": key,
        }
        path = f"/v1/resources/{self._resource}/records"
        return await self._http.post(path, content=body, headers=headers)

    async def insist(self, body: bytes, key: str) -> httpx.Response:
        """Repeat the same request until it is accepted, as any client should."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with suppress(httpx.TransportError):
                answer = await self.publish(body, key)
                if answer.status_code == 201:
                    return answer
                assert answer.status_code == 503, answer.text
            await asyncio.sleep(0.1)
        raise AssertionError(f"never accepted: {key}")


@asynccontextmanager
async def door(base_url: str, sharing: Sharing) -> AsyncIterator[Door]:
    token = await sharing.publisher.token()
    async with httpx.AsyncClient(base_url=base_url, timeout=40) as http:
        yield Door(http, token, sharing.resource)


async def in_the_log(endpoints: Endpoints, resource: str) -> list[bytes]:
    """Read every key of a resource's topic with an independent client."""
    topic = topic_of(resource)
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=endpoints.kafka_bootstrap,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    await consumer.start()
    try:
        places = [TopicPartition(topic, each) for each in consumer.partitions_for_topic(topic)]
        ends = await consumer.end_offsets(places)
        keys: list[bytes] = []

        async def read() -> bool:
            batches = await consumer.getmany(timeout_ms=LOG_MS)
            keys.extend(record.key for batch in batches.values() for record in batch)
            # The position passes the marks of transactions, which are no records.
            return all([await consumer.position(place) >= ends[place] for place in places])

        await eventually(read)
        return keys
    finally:
        await consumer.stop()


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def undecided(database: Database) -> set[bytes]:
    """Return the publishes that are noted and have no receipt yet."""
    async with database.reading() as session:
        query = text("SELECT intent FROM exchange.publish_intent WHERE receipt IS NULL")
        return {bytes(intent) for intent in (await session.execute(query)).scalars()}


async def noted_since(database: Database, before: set[bytes]) -> None:
    """Return when a publish is noted that was not there before; counting alone would miss one.

    Receipts are kept a moment behind: while one publish is noted, another is settled.
    """

    async def noted() -> bool:
        return bool(await undecided(database) - before)

    await eventually(noted, within_seconds=20)


def kafka_pid(stack: Stack) -> int:
    [pid] = [each.pid for each in stack.status() if each.name == "kafka"]
    assert pid is not None
    return pid


async def die_on_the_wire(
    doomed: Sequence[Door],
    mortal: processes.Running,
    stack: Stack,
    database: Database,
    body: bytes,
) -> None:
    """Kill a gateway while the broker has not yet read its appends, which it reads afterwards."""
    lost: list[asyncio.Task[httpx.Response]] = []
    with frozen(kafka_pid(stack)):
        for each in doomed:
            before = await undecided(database)
            lost.append(asyncio.create_task(each.publish(body, "once")))
            await noted_since(database, before)
        await asyncio.sleep(0.3)
        mortal.process.send_signal(signal.SIGKILL)
        for publish in lost:
            with pytest.raises(httpx.TransportError):
                await publish
