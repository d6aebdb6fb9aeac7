"""The broker's recovery with thousands of topics, and the gateway's cold start beside them."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, for_code

from exchange.log.topics import TopicPolicy
from tests.faults.campaign.ledger import Ledger
from tests.faults.campaign.publishing import Desk, attempt_once
from tests.faults.campaign.scene import Scene, key_of, playing
from tests.faults.campaign.stage import BROKER, GATEWAY, Stage, send
from tests.faults.campaign.wire import Lost, Watch

AT_ONCE = 100
POLICY = TopicPolicy(replication_factor=1, min_insync_replicas=1, retention_ms=-1)
CREATE_MILLISECONDS = 60_000
PATIENCE_SECONDS = 300.0
LOOK_SECONDS = 0.1
TRY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Many:
    """Seconds, each from the kill or from the start of the gateway."""

    topics: int
    creating: float
    leaders_after_kill: float
    publish_after_kill: float
    open_files: int
    gateway_ready: float
    gateway_publishes: float

    def told(self) -> str:
        return (
            f"{self.topics:,} topics (created in {self.creating:.0f} s, {self.open_files:,} files "
            f"open): after `kill -9` of the broker every partition had a leader in "
            f"{self.leaders_after_kill:.1f} s and a publish succeeded in "
            f"{self.publish_after_kill:.1f} s; a cold gateway was ready in "
            f"{self.gateway_ready:.1f} s and took its first publish in "
            f"{self.gateway_publishes:.1f} s"
        )

    def facts(self) -> dict[str, Any]:
        return asdict(self)


async def measure(folder: Path, topics: int) -> Many:
    """Create the topics as the platform would, kill the broker, and start a gateway."""
    stage = Stage(folder, small_disk=False)
    await asyncio.to_thread(stage.open)
    try:
        async with playing(stage) as (_world, scene):
            creating = await _timed(_create(stage.bootstrap, topics - len(scene.resources)))
            open_files = psutil.Process(stage.pid(BROKER)).num_fds()
            publisher = _Publisher(stage, scene)
            await publisher.publish()
            leaders, publish = await _kill(stage, publisher, topics)
            ready, first = await _cold_start(stage, publisher)
            return Many(topics, creating, leaders, publish, open_files, ready, first)
    finally:
        await asyncio.to_thread(stage.close)


async def _timed(work: Awaitable[object]) -> float:
    began = time.monotonic()
    await work
    return time.monotonic() - began


async def _create(bootstrap: str, topics: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=CREATE_MILLISECONDS)
    await admin.start()
    try:
        for first in range(0, topics, AT_ONCE):
            new = [
                NewTopic(f"shuyuan.records.many-{n}", 1, 1, topic_configs=POLICY.configs())
                for n in range(first, min(first + AT_ONCE, topics))
            ]
            answer = await admin.create_topics(new, timeout_ms=CREATE_MILLISECONDS)
            for topic, code, *_rest in answer.topic_errors:
                if code:
                    raise for_code(code)(topic)
    finally:
        await admin.close()


async def _kill(stage: Stage, publisher: "_Publisher", topics: int) -> tuple[float, float]:
    began = time.monotonic()
    send([stage.pid(BROKER)], signal.SIGKILL)

    async def since(work: Callable[[], Awaitable[bool]]) -> float:
        await _until(work)
        return time.monotonic() - began

    starting = asyncio.create_task(asyncio.to_thread(stage.start, BROKER))
    leaders, publish = await asyncio.gather(
        since(lambda: _all_led(stage.bootstrap, topics)), since(publisher.tries)
    )
    await starting
    return leaders, publish


async def _all_led(bootstrap: str, topics: int) -> bool:
    """Whether each partition of so many topics has a leader; its own topics the broker adds."""
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    try:
        await client.bootstrap()
        known = await client.fetch_all_metadata()
        led = 0
        for topic in known.topics():
            partitions = known.partitions_for_topic(topic) or set()
            led += partitions == known.available_partitions_for_topic(topic)
        return bool(led >= topics)
    except (KafkaError, OSError):
        return False
    finally:
        await client.close()


async def _cold_start(stage: Stage, publisher: "_Publisher") -> tuple[float, float]:
    send(stage.family(GATEWAY), signal.SIGKILL)
    while stage.alive(GATEWAY):  # noqa: ASYNC110 - another process ends
        await asyncio.sleep(LOOK_SECONDS)
    began = time.monotonic()
    await asyncio.to_thread(stage.start, GATEWAY)
    ready = time.monotonic() - began
    await _until(publisher.tries)
    return ready, time.monotonic() - began


async def _until(work: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await work():  # noqa: ASYNC110
            await asyncio.sleep(LOOK_SECONDS)


class _Publisher:
    """Publishes one record, each time as a new client."""

    def __init__(self, stage: Stage, scene: Scene) -> None:
        book = Ledger(Path(os.devnull))
        self._desk = Desk(stage.address, scene, book, Watch())

    async def publish(self) -> None:
        await _until(self.tries)

    async def tries(self) -> bool:
        resource = self._desk.scene.narrow
        attempt = self._desk.ledger.attempt(resource.id, 1, [key_of("many")], None)
        line = self._desk.line()
        with suppress(Lost, TimeoutError):
            async with asyncio.timeout(TRY_SECONDS):
                return (await attempt_once(line, self._desk.ledger, attempt)).status == 201
        line.drop()
        return False
