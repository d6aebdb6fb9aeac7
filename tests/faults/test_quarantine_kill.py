"""A kill between any two steps of a publish with invalid records (ADR 0014): one answer, one list.

Every test has a gateway of its own beside the session's, on the same database and broker.
"""

import asyncio
import hashlib
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from deploy.local.stack import Endpoints, Stack
from exchange.publishing.publish import INTENT_BYTES
from kernel.database import Database, ReadSession
from tests.support.callers import NDJSON, ndjson
from tests.support.doors import PATIENCE_SECONDS, frozen, in_the_log, kafka_pid, records
from tests.support.processes import Running
from tests.support.world import Sharing, World

Json = dict[str, Any]
KEY = "once"
BAD = b'{"id":"bad-1"}\n{"id":"bad-2","name":5}'
LOOK_SECONDS = 0.02


class Publisher:
    """A publisher's system at one gateway; under the same key unless told otherwise."""

    def __init__(self, http: httpx.AsyncClient, token: str, resource: str) -> None:
        self._http, self._token = http, token
        self._path = f"/v1/resources/{resource}/records"

    async def publish(self, body: bytes, key: str = KEY) -> httpx.Response:
        return await self._http.post(
            self._path,
            content=body,
            params={"on_invalid": "quarantine"},
            headers={
                "Authorization": f"Bearer {self._token}",
                "Content-Type": NDJSON,
                "Idempotency-Key": key,
            },
        )

    async def insist(self, body: bytes) -> Json:
        """Repeat the request until it is accepted."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (answer := await self.publish(body)).status_code != 201:
                assert answer.status_code == 503, answer.text
                await asyncio.sleep(0.1)
        receipt: Json = answer.json()
        return receipt


@asynccontextmanager
async def publisher(base_url: str, sharing: Sharing) -> AsyncIterator[Publisher]:
    async with httpx.AsyncClient(base_url=base_url, timeout=40) as http:
        yield Publisher(http, await sharing.publisher.token(), sharing.resource)


async def count(session: ReadSession, query: str, sharing: Sharing) -> int:
    return int((await session.execute(text(query), {"r": sharing.resource})).scalar_one())


async def until(database: Database, query: str, sharing: Sharing) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            async with database.reading() as session:
                if await count(session, query, sharing):
                    return
            await asyncio.sleep(LOOK_SECONDS)


async def listed(sharing: Sharing) -> list[Json]:
    path = f"/v1/resources/{sharing.resource}/quarantine"
    page: Json = await sharing.provider.clerk.ask("GET", path)
    items: list[Json] = page["items"]
    return items


PENDING = (
    "SELECT count(*) FROM exchange.quarantine_batch WHERE resource_id = :r AND receipt_id IS NULL"
)


@pytest.mark.slow
async def test_killed_between_the_quarantine_and_the_answer(
    world: World,
    platform: Running,
    mortal: Running,
    stack: Stack,
    endpoints: Endpoints,
    database: Database,
) -> None:
    """The appends are on the wire when their gateway dies: they may reach the log, or not.

    Until a retry has settled that, nothing is shown; then exactly what its receipt lists, in one
    partition and across several.
    """
    sharings = [await world.sharing(partitions=partitions) for partitions in (1, 3)]
    body = ndjson(records("once", 20)) + b"\n" + BAD
    async with AsyncExitStack() as doors:
        doomed = [
            await doors.enter_async_context(publisher(mortal.base_url, sharing))
            for sharing in sharings
        ]
        for each in doomed:
            answer = await each.publish(ndjson(records("warm", 20)), "warm")
            assert answer.status_code == 201
        with frozen(kafka_pid(stack)):
            lost = [asyncio.create_task(each.publish(body)) for each in doomed]
            for sharing in sharings:
                await until(database, PENDING, sharing)
            await asyncio.sleep(0.3)
            mortal.process.send_signal(signal.SIGKILL)
            for publish in lost:
                with pytest.raises(httpx.TransportError):
                    await publish
    await asyncio.gather(
        *(settled(platform.base_url, sharing, body, endpoints) for sharing in sharings)
    )


async def settled(base_url: str, sharing: Sharing, body: bytes, endpoints: Endpoints) -> None:
    """Publish again from several sides at once: one receipt, and what it lists is shown."""
    assert await listed(sharing) == []
    async with publisher(base_url, sharing) as living:
        receipts = await asyncio.gather(*(living.insist(body) for _ in range(5)))
    assert all(receipt == receipts[0] for receipt in receipts)
    receipt = receipts[0]
    assert (receipt["accepted"], receipt["rejected"]) == (20, 2)
    shown = await listed(sharing)
    assert [entry["index"] for entry in shown] == [20, 21]
    assert [entry["errors"] for entry in shown] == [[each] for each in receipt["errors"]]
    assert {entry["receipt_id"] for entry in shown} == {receipt["receipt_id"]}
    keys = await in_the_log(endpoints, sharing.resource)
    stored = [f"{prefix}-{n}".encode() for prefix in ("warm", "once") for n in range(20)]
    assert sorted(keys) == sorted(stored)


SHOWING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    " AND query LIKE 'UPDATE exchange.quarantine_batch%' AND :r <> ''"
)
BATCH = "SELECT 1 FROM exchange.quarantine_batch WHERE resource_id = :r FOR UPDATE"


@pytest.mark.slow
async def test_killed_between_the_append_and_the_quarantine_that_shows_it(
    world: World,
    platform: Running,
    mortal: Running,
    stack: Stack,
    endpoints: Endpoints,
    database: Database,
) -> None:
    """The valid records are in the log and the others written, unseen: a retry shows them."""
    sharing = await world.sharing()
    body = ndjson(records("once", 20)) + b"\n" + BAD
    async with publisher(mortal.base_url, sharing) as doomed, database.transaction() as lock:
        assert (await doomed.publish(ndjson(records("warm", 1)), "warm")).status_code == 201
        with frozen(kafka_pid(stack)):
            lost = asyncio.create_task(doomed.publish(body))
            await until(database, PENDING, sharing)
            await lock.execute(text(BATCH), {"r": sharing.resource})
        await until(database, SHOWING, sharing)
        mortal.process.send_signal(signal.SIGKILL)
        with pytest.raises(httpx.TransportError):
            await lost
    assert await listed(sharing) == []
    assert len(await in_the_log(endpoints, sharing.resource)) == 21
    async with publisher(platform.base_url, sharing) as living:
        receipt = await living.insist(body)
    assert (receipt["accepted"], receipt["rejected"], len(receipt["errors"])) == (20, 2, 2)
    assert {entry["receipt_id"] for entry in await listed(sharing)} == {receipt["receipt_id"]}
    assert len(await in_the_log(endpoints, sharing.resource)) == 21


DECIDING = (
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    " AND query LIKE 'UPDATE exchange.publish_intent%' AND :r <> ''"
)
NOTED = "SELECT 1 FROM exchange.publish_intent WHERE intent = :intent FOR UPDATE"
USE = "SELECT 1 FROM exchange.quarantine_use WHERE resource_id = :r FOR UPDATE"


@asynccontextmanager
async def stopped_before_it_decides(
    database: Database, sharing: Sharing, doomed: Publisher
) -> AsyncIterator[asyncio.Task[httpx.Response]]:
    """Yield while a publish has written its records and waits to write its receipt."""
    name = f"{sharing.publisher.id}\n{sharing.resource}\n{KEY}".encode()
    intent = hashlib.blake2b(name, digest_size=INTENT_BYTES).digest()
    async with database.transaction() as later:
        async with database.transaction() as first:
            await first.execute(text(USE), {"r": sharing.resource})
            asked = asyncio.create_task(doomed.publish(BAD))
            async with asyncio.timeout(PATIENCE_SECONDS):
                # Not noted yet: nothing to lock.
                while (await later.execute(text(NOTED), {"intent": intent})).first() is None:  # noqa: ASYNC110 - another process writes
                    await asyncio.sleep(LOOK_SECONDS)
        await until(database, DECIDING, sharing)
        yield asked


@pytest.mark.slow
async def test_killed_before_a_publish_without_any_valid_record_is_decided(
    world: World,
    platform: Running,
    mortal: Running,
    database: Database,
) -> None:
    """Its records are written, its receipt is not: a retry writes its own, and only those show."""
    sharing = await world.sharing()
    earlier = await sharing.publisher.publish(sharing.resource, BAD, on_invalid="quarantine")
    await sharing.provider.clerk.ask(
        "POST",
        f"/v1/resources/{sharing.resource}/quarantine/resolve",
        {"receipt_id": earlier["receipt_id"]},
    )
    async with (
        publisher(mortal.base_url, sharing) as doomed,
        stopped_before_it_decides(database, sharing, doomed) as lost,
    ):
        mortal.process.send_signal(signal.SIGKILL)
        with pytest.raises(httpx.TransportError):
            await lost
    assert await listed(sharing) == []
    async with publisher(platform.base_url, sharing) as living:
        receipts = await asyncio.gather(*(living.insist(BAD) for _ in range(5)))
    assert all(receipt == receipts[0] for receipt in receipts)
    assert (receipts[0]["accepted"], receipts[0]["rejected"]) == (0, 2)
    shown = await listed(sharing)
    assert [entry["index"] for entry in shown] == [0, 1]
    assert {entry["receipt_id"] for entry in shown} == {receipts[0]["receipt_id"]}
