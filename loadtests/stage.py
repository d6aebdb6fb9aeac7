"""What a run needs beforehand: the world, a filled archive, and its books of pages.

All of it lies in one private folder, from which both generators read.
"""

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from exchange.log.topics import topic_of
from loadtests import pages, readback, records, world
from loadtests.arena import Arena
from loadtests.generator import Order
from loadtests.runs import Child, Observed, RunFailed, ask, observe
from loadtests.workloads import Publish, Work
from loadtests.world import Credentials, World

# Names of the books; the Locust scenarios read them by these names too.
MASKED, TAIL, CATCH_UP = "masked.book", "tail.book", "catch-up.book"
MASKED_TAIL = "masked-tail.book"
BATCH, PAGE, LARGE_PAGE = 500, 500, 10_000
TAIL_PAGES = 40
REGISTER = 10_000
FILLING_CALLERS = 8
PREPARING_SECONDS = 180.0
SPARE_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How long one run warms up and is measured.

    `perf_records` are for Kafka's own producer, `pairs` for what is measured in pairs; `rate` is in
    requests a second, 0 means as fast as the answers come; who `yields` leaves the processor to
    everybody else.
    """

    warm_up_seconds: float
    seconds: float
    perf_records: int = 0
    pairs: int = 1
    rate: float = 0.0
    yields: bool = False


FILLING = Pace(0.0, 120.0)
# Another service: its address, and its processes instead of the gateway's.
Target = tuple[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Stage:
    """An arena with its world, ready to be loaded."""

    arena: Arena
    world: World

    @property
    def folder(self) -> Path:
        return self.arena.folder

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def token(self, who: Credentials) -> str:
        with self.world.client(who) as client:
            return client.token()

    def token_for(self, work: Work) -> str:
        """Return the token of whoever may ask for this work."""
        world = self.world
        return self.token(world.publisher if isinstance(work, Publish) else world.consumer)

    def ends(self, topic: str, partitions: int = 1) -> dict[int, int]:
        """Return the offset after the last record of each partition."""
        bootstrap = self.arena.bootstrap
        return asyncio.run(readback.ends_of(bootstrap, topic, list(range(partitions))))

    def archived(self) -> int:
        """Return how many records the archive holds."""
        return self.ends(topic_of(self.world.archive))[0]


def prepare(arena: Arena, archive_records: int) -> Stage:
    """Make the world, fill the archive and write the books; raises RunFailed."""
    made = world.seed(arena.base_url, arena.credentials)
    made.write(arena.folder / world.FILE)
    stage = Stage(arena, made)
    fill_register(stage)
    fill(stage, made.archive, archive_records - TAIL_PAGES * PAGE)
    tail_offset, tail_since = stage.archived(), datetime.now(UTC)
    fill(stage, made.archive, TAIL_PAGES * PAGE)
    narrow, everything = records.NARROW, tuple(records.ITEMS)
    tail = (tail_since.isoformat(), tail_offset)
    with ThreadPoolExecutor(2) as pool:
        books = [
            pool.submit(_write_book, stage, MASKED, made.masked, PAGE, narrow),
            pool.submit(_write_book, stage, CATCH_UP, made.whole, LARGE_PAGE, everything),
            pool.submit(_write_book, stage, TAIL, made.whole, PAGE, everything, tail),
            pool.submit(_write_book, stage, MASKED_TAIL, made.masked, PAGE, narrow, tail),
        ]
        for book in books:
            book.result()
    return stage


def generate(
    stage: Stage,
    work: Work,
    callers: int,
    pace: Pace,
    target: Target | None = None,
    requests: int = 0,
    begun: threading.Event | None = None,
) -> Observed:
    """Run the raw generator against the gateway, or another service's address and processes.

    It ends with the pace, or after so many requests where a number is given; `begun` is set as the
    window opens.
    """
    base_url, families = target or (stage.arena.base_url, stage.arena.families)
    place = urlsplit(base_url)
    order = Order(
        host=str(place.hostname),
        port=place.port or 80,
        token=stage.token_for(work),
        callers=callers,
        warm_up_seconds=pace.warm_up_seconds,
        seconds=pace.seconds,
        work=work,
        requests=requests,
        rate=pace.rate,
        yields=pace.yields,
    )
    log = stage.log(f"generator-{callers}" if pace.rate else "generator")
    child = Child.python("loadtests.generator", log, msgspec.json.encode(order))
    return observe(child, families, pace.warm_up_seconds + pace.seconds + SPARE_SECONDS, begun)


def fill(stage: Stage, resource: str, wanted: int, target: Target | None = None) -> None:
    """Publish so many records into a resource, in batches like everybody's; raises RunFailed."""
    work, batches = Publish([resource], BATCH), wanted // BATCH
    filled = generate(stage, work, FILLING_CALLERS, FILLING, target, batches).total
    if filled.failures or filled.records != batches * BATCH:
        raise RunFailed("; ".join(filled.complaints) or "the archive could not be filled")


def fill_register(stage: Stage) -> None:
    """Publish the records that are queried and verified; they are folded while others are sent."""
    with stage.world.client(stage.world.publisher) as publisher:
        for body in records.bodies(BATCH, REGISTER // BATCH):
            publisher.publish(stage.world.register, body, key=None)


def _write_book(
    stage: Stage,
    name: str,
    subscription: str,
    limit: int,
    items: tuple[str, ...],
    tail: tuple[str, int] | None = None,
) -> None:
    """Write the pages of the archive, all of them or some from a time that means an offset."""
    to, offset = tail or ("earliest", 0)
    count = TAIL_PAGES if tail else stage.archived() // limit
    with stage.world.client(stage.world.consumer) as consumer:
        first = consumer.rewind(subscription, to)
    write_book(
        stage,
        pages.Question(
            base_url=stage.arena.base_url,
            token=stage.token(stage.world.consumer),
            subscription=subscription,
            cursor=first,
            offset=offset,
            limit=limit,
            pages_max=count,
            items=list(items),
            masked=items == records.NARROW,
            bootstrap=stage.arena.bootstrap,
            topic=topic_of(stage.world.archive),
            path=str(stage.folder / name),
        ),
    )


def write_book(stage: Stage, question: pages.Question) -> None:
    """Take pages and prove them against the log, in a process of its own; raises RunFailed."""
    child = Child.python(
        "loadtests.pages", stage.log(Path(question.path).stem), msgspec.json.encode(question)
    )
    if not ask(child, int, PREPARING_SECONDS):
        raise RunFailed(f"no page of {question.subscription} is full")
