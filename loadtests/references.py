"""The naive service that the exchange is measured against, while it runs."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from deploy.local.ports import PortBook
from deploy.local.processes import Command
from loadtests import records
from loadtests.arena import Arena, served
from loadtests.generator import Pull
from loadtests.naive import BATCHED, Order
from loadtests.pages import Question
from loadtests.readback import create_topics
from loadtests.runs import ROOT
from loadtests.stage import LARGE_PAGE, PAGE, Stage, fill, prove

FEEDS = ("naive.feed-1", "naive.feed-2", "naive.feed-3")
BATCHED_FEEDS = tuple(BATCHED + feed for feed in FEEDS)
ARCHIVE = "naive.archive"
# Its pages: name, how many records, and what the query says besides.
PAGES = (
    ("masked", PAGE, ""),
    ("whole", PAGE, "&items=all"),
    ("catch-up", LARGE_PAGE, "&items=all"),
)


def pages_of(arena: Arena, name: str) -> Pull:
    return Pull(str(arena.folder / f"naive.{name}.book"))


@contextmanager
def naive(stage: Stage, archive_records: int) -> Iterator[Arena]:
    """Run the naive service, with as many workers as the gateway has and an archive of its own."""
    arena, topics = stage.arena, [*FEEDS, *BATCHED_FEEDS, ARCHIVE]
    asyncio.run(create_topics(arena.bootstrap, topics, 1))
    port = PortBook(arena.folder / "ports.json").choose("naive")
    order = arena.folder / "naive.json"
    told = Order(arena.bootstrap, arena.base_url, port, arena.workers, topics)
    order.write_bytes(msgspec.json.encode(told))
    command = Command((sys.executable, "-m", "loadtests.naive", str(order)), directory=ROOT)
    with served(arena, command, port, "/openapi.json") as made:
        fill(stage, ARCHIVE, archive_records, made)
        token = stage.token(stage.world.consumer)
        prove([_question(made, token, archive_records, *page) for page in PAGES])
        yield made


def _question(
    made: Arena, token: str, records_there: int, name: str, limit: int, more: str
) -> Question:
    return Question(
        base_url=made.base_url,
        token=token,
        subscription=ARCHIVE,
        cursor="0",
        offset=0,
        limit=limit,
        pages_max=records_there // limit,
        items=tuple(records.ITEMS) if more else records.NARROW,
        bootstrap=made.bootstrap,
        topic=ARCHIVE,
        path=pages_of(made, name).book,
        more=more,
    )
