"""What a run needs beforehand: the world, a filled archive, and its books of pages.

All of it lies in one private folder, from which all generators read.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from exchange.log.topics import topic_of
from loadtests import generator, pages, readback, records, world
from loadtests.arena import Arena
from loadtests.generator import Order, Pace, Publish, Work
from loadtests.pages import Page, Question
from loadtests.runs import Child, Observed, RunFailed, observe
from loadtests.world import FEEDS, World

# Names of the books; the Locust scenarios read them by these names too.
WHOLE, MASKED, LIMITED, CATCH_UP = "whole.book", "masked.book", "limited.book", "catch-up.book"
TAIL, MASKED_TAIL, QUERY, VERIFY = "tail.book", "masked-tail.book", "query.book", "verify.book"
SMALL_TAIL, NOTHING = "small-tail.book", "nothing.book"
DOWNLOAD, SERVICE = "download.book", "service.book"
BOOKS = (WHOLE, MASKED, CATCH_UP, TAIL, QUERY, VERIFY, DOWNLOAD, SERVICE)
BATCH, PAGE, SMALL_PAGE, LARGE_PAGE = 500, 500, 100, 10_000
TAIL_PAGES = 40
# What staff ask meanwhile.
LOOKUPS = ("/v1/resources?q=压测&limit=20", "/v1/subscriptions?limit=20", "/v1/me")
REGISTER, LOOKED_UP = 10_000, 200
FILLING_CALLERS, FILLING = 8, Pace(0.0, 120.0)
SPARE_SECONDS = 90.0


class Plain(NamedTuple):
    """What is done over and over: the pages of a book are asked for, or so many records published.

    `users` names Locust's class for it, where it has one.
    """

    case: str
    callers: int
    book: str = ""
    records: int = 0
    keyed: bool = False
    users: str = ""


PLAIN = (
    Plain("publish-500", 8, records=BATCH, users="PublishBatch"),
    Plain("publish-1", 64, records=1, users="PublishSingle"),
    Plain("publish-1-keyed", 64, records=1, keyed=True, users="PublishSingleKeyed"),
    # Every caller writes to a resource of its own, as in a region with thousands of them.
    Plain("publish-1-alone", FEEDS, records=1),
    Plain("publish-100", FEEDS, records=100),
    Plain("pull-500-masked", 8, MASKED, users="PullMasked"),
    Plain("pull-500-masked-quota", 8, LIMITED),
    Plain("pull-500", 8, WHOLE, users="PullWhole"),
    Plain("pull-catch-up", 4, CATCH_UP, users="CatchUp"),
    Plain("pull-500-masked-tail", 8, MASKED_TAIL),
    Plain("pull-500-tail", 8, TAIL, users="PullTail"),
    Plain("pull-100-tail", 8, SMALL_TAIL),
    # One caller: equal questions under way would be asked once.
    Plain("pull-nothing", 1, NOTHING),
    Plain("query", 32, QUERY, users="Query"),
    Plain("verify", 128, VERIFY, users="Verify"),
    Plain("file-download", 4, DOWNLOAD, users="Download"),
    Plain("service-call", 32, SERVICE, users="ServiceCall"),
)


@dataclass(frozen=True, slots=True)
class Stage:
    """An arena with its world; the tail of its archive begins at an offset, and at a time."""

    arena: Arena
    world: World
    tail_offset: int = 0
    tail_since: str = ""

    @property
    def folder(self) -> Path:
        return self.arena.folder

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def token_for(self, work: Work) -> str:
        """Return the token of whoever may ask for this work."""
        is_publisher = isinstance(work, Publish)
        who = self.world.publisher if is_publisher else self.world.consumer
        return who.token(self.arena.base_url)

    def ends(self, topic: str, partitions: int = 1) -> dict[int, int]:
        """Return the offset after the last record of each partition."""
        return readback.ends(self.arena.bootstrap, topic, partitions)

    def delete(self, *resources: str) -> None:
        """Delete what lies in the logs of these resources, so that the disk does not fill."""
        for topic in map(topic_of, resources):
            asyncio.run(readback.delete(self.arena.bootstrap, topic, self.ends(topic)))

    def archived(self) -> int:
        """Return how many records the archive holds."""
        return self.ends(topic_of(self.world.archive))[0]

    def path(self, book: str) -> str:
        return str(self.folder / book)

    def question(
        self, book: str, subscription: str, limit: int, items: Sequence[str], *, tail: bool = False
    ) -> Question:
        """Return what asks for the pages of a grant, from the archive's start or its tail on."""
        to, offset = (self.tail_since, self.tail_offset) if tail else ("earliest", 0)
        with self.world.client(self.world.consumer) as consumer:
            first, token = consumer.rewind(subscription, to), consumer.token()
        return Question(
            base_url=self.arena.base_url,
            token=token,
            subscription=subscription,
            cursor=first,
            offset=offset,
            limit=limit,
            pages_max=(self.archived() - offset) // limit,
            items=items,
            bootstrap=self.arena.bootstrap,
            topic=topic_of(self.world.archive),
            path=self.path(book),
        )


def prove(questions: Sequence[Question]) -> None:
    """Write books; raises RunFailed when one is not what the log holds, or has no full page."""
    try:
        counts = pages.write_all(questions)
    except ValueError as error:
        raise RunFailed(str(error)) from error
    for question, count in zip(questions, counts, strict=True):
        if not count:
            raise RunFailed(f"no page of {question.subscription} is full")


def prepare(arena: Arena, archive_records: int) -> Stage:
    """Make the world, fill the archive and the register, write the books; raises RunFailed."""
    made = world.seed(arena.base_url, arena.credentials)
    made.write(arena.folder / world.FILE)
    stage = Stage(arena, made)
    fill(stage, made.register, REGISTER, callers=1)
    fill(stage, made.archive, archive_records - TAIL_PAGES * PAGE)
    stage = replace(stage, tail_offset=stage.archived(), tail_since=datetime.now(UTC).isoformat())
    fill(stage, made.archive, TAIL_PAGES * PAGE)
    every = tuple(records.ITEMS)
    whole, masked, narrow = made.whole, made.masked, records.NARROW
    prove(
        [
            stage.question(MASKED, masked, PAGE, narrow),
            stage.question(LIMITED, made.limited, PAGE, narrow),
            stage.question(WHOLE, whole, PAGE, every),
            stage.question(CATCH_UP, whole, LARGE_PAGE, every),
            stage.question(TAIL, whole, PAGE, every, tail=True),
            stage.question(SMALL_TAIL, whole, SMALL_PAGE, every, tail=True),
            stage.question(MASKED_TAIL, masked, PAGE, narrow, tail=True),
        ]
    )
    with made.client(made.consumer) as client:
        end = client.rewind(made.whole, "latest")
        nothing = Page(f"/v1/subscriptions/{made.whole}/records?cursor={end}&limit={PAGE}", 0)
        queries = [pages.query(client, made.queried, number) for number in range(LOOKED_UP)]
        verdicts = [pages.verify(client, made.verified, number) for number in range(LOOKED_UP)]
        file = pages.download(client, made.downloaded, REGISTER)
    pages.save(stage.folder / NOTHING, [(nothing, b"")])
    pages.save(stage.folder / QUERY, queries, pages.MOMENT)
    pages.save(stage.folder / VERIFY, verdicts)
    pages.save(stage.folder / DOWNLOAD, [file])
    return stage


def fill(
    stage: Stage,
    resource: str,
    wanted: int,
    service: Arena | None = None,
    callers: int = FILLING_CALLERS,
) -> None:
    """Publish so many records into a resource, in batches like everybody's; raises RunFailed."""
    work, batches = Publish([resource], BATCH), wanted // BATCH
    done = generate(stage, work, callers, FILLING, service, batches).total
    if done.failures or done.records != batches * BATCH:
        raise RunFailed("; ".join(done.complaints) or "the archive could not be filled")


def generate(
    stage: Stage,
    work: Work,
    callers: int,
    pace: Pace,
    service: Arena | None = None,
    requests: int = 0,
) -> Observed:
    """Run the raw generator against the gateway, or another service in its place.

    It ends with the pace, or after so many requests where a number is given.
    """
    where = service or stage.arena
    order = Order(where.base_url, [stage.token_for(work)], callers, pace, work, requests)
    return drive(where, order, stage.log(f"generator-{callers}"))


def drive(service: Arena, order: Order, log: Path) -> Observed:
    """Run the raw generator as it is told; raises RunFailed."""
    limit = order.pace.warm_up_seconds + order.pace.seconds + SPARE_SECONDS
    return observe(Child.calling(log, generator.run, order), service.families, limit)
