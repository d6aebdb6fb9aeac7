"""The naive service that the exchange is measured against, and topics outside the exchange."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.ports import HOST, PortBook
from deploy.local.processes import Command, Service
from loadtests import records
from loadtests.arena import Arena
from loadtests.generator import Pull
from loadtests.naive import BATCHED, Order
from loadtests.pages import Question
from loadtests.runs import ROOT, RunFailed
from loadtests.stage import LARGE_PAGE, PAGE, Stage, fill, prove

NAIVE_SECONDS = 60.0
FEEDS = ("naive.feed-1", "naive.feed-2", "naive.feed-3")
BATCHED_FEEDS = tuple(BATCHED + feed for feed in FEEDS)
ARCHIVE = "naive.archive"
# Its pages: name, how many records, and what the query says besides.
PAGES = (
    ("masked", PAGE, ""),
    ("whole", PAGE, "&items=all"),
    ("catch-up", LARGE_PAGE, "&items=all"),
)


def create_topics(bootstrap: str, names: Sequence[str], partitions: int) -> None:
    """Create topics that are not a resource's: for what is no part of the exchange."""
    asyncio.run(create_topics_of(bootstrap, names, partitions))


async def create_topics_of(bootstrap: str, names: Sequence[str], partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, partitions, 1) for name in names])
    finally:
        await admin.close()


@dataclass(frozen=True, slots=True)
class Naive:
    """The naive service while it runs; its processes stand where the gateway's do."""

    base_url: str
    families: Mapping[str, int]
    folder: Path

    def pages(self, name: str) -> Pull:
        return Pull(str(self.folder / f"naive.{name}.book"))


@contextmanager
def naive(stage: Stage, archive_records: int) -> Iterator[Naive]:
    """Run the naive service, with as many workers as the gateway has and an archive of its own."""
    arena, topics = stage.arena, [*FEEDS, *BATCHED_FEEDS, ARCHIVE]
    create_topics(arena.bootstrap, topics, 1)
    with _served(arena, topics) as (base_url, pid):
        made = Naive(base_url, {**arena.families, "gateway": pid}, arena.folder)
        fill(stage, ARCHIVE, archive_records, (base_url, made.families))
        token = stage.token(stage.world.consumer)
        prove(
            [
                Question(
                    base_url=base_url,
                    token=token,
                    subscription=ARCHIVE,
                    cursor="0",
                    offset=0,
                    limit=limit,
                    pages_max=archive_records // limit,
                    items=tuple(records.ITEMS) if more else records.NARROW,
                    masked=not more,
                    bootstrap=arena.bootstrap,
                    topic=ARCHIVE,
                    path=made.pages(name).book,
                    more=more,
                )
                for name, limit, more in PAGES
            ]
        )
        yield made


@contextmanager
def _served(arena: Arena, topics: Sequence[str]) -> Iterator[tuple[str, int]]:
    port = PortBook(arena.folder / "ports.json").choose("naive")
    order, base_url = arena.folder / "naive.json", f"http://{HOST}:{port}"
    told = Order(arena.bootstrap, arena.base_url, port, arena.workers, list(topics))
    order.write_bytes(msgspec.json.encode(told))
    service = Service("naive", arena.folder, ready=lambda: _answers(base_url))
    command = Command((sys.executable, "-m", "loadtests.naive", str(order)), directory=ROOT)
    try:
        service.start(command, within_seconds=NAIVE_SECONDS)
        running = service.running()
        if running is None:
            raise RunFailed(service.tail())
        yield base_url, running.pid
    finally:
        service.stop()


def _answers(base_url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{base_url}/openapi.json", timeout=2.0).is_success
    time.sleep(0.1)
    return False
