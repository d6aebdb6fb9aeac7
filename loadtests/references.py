"""The naive service that the exchange is measured against, and topics outside the exchange."""

import asyncio
import http.client
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.ports import HOST, PortBook
from deploy.local.processes import Command, Service
from loadtests import records
from loadtests.arena import Arena
from loadtests.compare.naive import Order
from loadtests.pages import Question
from loadtests.runs import ROOT, RunFailed
from loadtests.stage import LARGE_PAGE, PAGE, Stage, fill, write_book
from loadtests.workloads import Pull

NAIVE_MODULE = "loadtests.compare.naive"
NAIVE_SECONDS = 60.0
NAIVE_FEEDS = ("naive.feed-1", "naive.feed-2", "naive.feed-3")
NAIVE_ARCHIVE = "naive.archive"
ALL_ITEMS = "&items=all"


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
    """The naive service while it runs; its processes stand where the gateway's do.

    `masked`, `tail` and `catch_up` are its pages for the pulls of these names.
    """

    base_url: str
    families: Mapping[str, int]
    folder: Path
    feeds: Sequence[str] = NAIVE_FEEDS
    archive: str = NAIVE_ARCHIVE

    @property
    def masked(self) -> Pull:
        return Pull(self.archive, PAGE, str(self.folder / "naive.masked.book"))

    @property
    def tail(self) -> Pull:
        return Pull(self.archive, PAGE, str(self.folder / "naive.tail.book"), ALL_ITEMS)

    @property
    def catch_up(self) -> Pull:
        return Pull(self.archive, LARGE_PAGE, str(self.folder / "naive.catch-up.book"), ALL_ITEMS)


@contextmanager
def naive(stage: Stage, archive_records: int) -> Iterator[Naive]:
    """Run the naive service, with as many workers as the gateway has and an archive of its own."""
    arena, topics = stage.arena, [*NAIVE_FEEDS, NAIVE_ARCHIVE]
    create_topics(arena.bootstrap, topics, 1)
    with _served(arena, topics) as (base_url, pid):
        made = Naive(base_url, {**arena.families, "gateway": pid}, arena.folder)
        fill(stage, made.archive, archive_records, (base_url, made.families))
        for pull in (made.masked, made.tail, made.catch_up):
            write_book(stage, _pages(stage, made, pull, archive_records))
        yield made


@contextmanager
def _served(arena: Arena, topics: Sequence[str]) -> Iterator[tuple[str, int]]:
    port = PortBook(arena.folder / "ports.json").choose("naive")
    order, base_url = arena.folder / "naive.json", f"http://{HOST}:{port}"
    told = Order(arena.bootstrap, arena.base_url, port, arena.workers, list(topics))
    order.write_bytes(msgspec.json.encode(told))
    service = Service("naive", arena.folder, ready=lambda: _answers(base_url))
    command = Command((sys.executable, "-m", NAIVE_MODULE, str(order)), directory=ROOT)
    try:
        service.start(command, within_seconds=NAIVE_SECONDS)
        running = service.running()
        if running is None:
            raise RunFailed(service.tail())
        yield base_url, running.pid
    finally:
        service.stop()


def _pages(stage: Stage, made: Naive, pull: Pull, archive_records: int) -> Question:
    return Question(
        base_url=made.base_url,
        token=stage.token(stage.world.consumer),
        subscription=made.archive,
        cursor="0",
        offset=0,
        limit=pull.limit,
        pages_max=archive_records // pull.limit,
        items=list(records.ITEMS if pull.more else records.NARROW),
        masked=not pull.more,
        bootstrap=stage.arena.bootstrap,
        topic=made.archive,
        path=pull.book,
        more=pull.more,
    )


def _answers(base_url: str) -> bool:
    place = urlsplit(base_url)
    connection = http.client.HTTPConnection(place.hostname or HOST, place.port, timeout=2)
    try:
        connection.request("GET", "/openapi.json")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        time.sleep(0.1)
        return False
    finally:
        connection.close()
