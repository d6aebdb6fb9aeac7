"""The naive service that the exchange is measured against, and a department's own, while they run.

The naive one also serves a file and hands calls on to the department's, which the exchange mounts.
"""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import msgspec

from deploy.local.ports import HOST, PortBook
from deploy.local.processes import Command
from loadtests import pages, records
from loadtests.arena import Arena, served
from loadtests.generator import Pull
from loadtests.naive import BATCHED, Order
from loadtests.pages import Book, Page, Question
from loadtests.readback import create_topics
from loadtests.runs import ROOT, RunFailed
from loadtests.stage import DOWNLOAD, LARGE_PAGE, PAGE, REGISTER, SERVICE, Stage, fill, prove
from shuyuan_client.http import Refused

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
    ports = PortBook(arena.folder / "ports.json")
    port, own_port = ports.choose("naive"), ports.choose("department")
    order, file = arena.folder / "naive.json", arena.folder / "naive.file"
    file.write_bytes(Book(Path(stage.path(DOWNLOAD))).body(0))
    department = f"http://{HOST}:{own_port}/person"
    told = Order(
        arena.bootstrap, arena.base_url, port, arena.workers, topics, str(file), department
    )
    order.write_bytes(msgspec.json.encode(told))
    asgi = (sys.executable, "-m", "uvicorn", "loadtests.naive:department", "--no-access-log")
    own = Command((*asgi, "--log-level", "warning", "--port", str(own_port)), directory=ROOT)
    command = Command((sys.executable, "-m", "loadtests.naive", str(order)), directory=ROOT)
    with (
        served(arena, own, own_port, "/person"),
        served(arena, command, port, "/openapi.json") as made,
    ):
        fill(stage, ARCHIVE, archive_records, made)
        token = stage.world.consumer.token(stage.arena.base_url)
        prove([_question(made, token, archive_records, *page) for page in PAGES])
        pages.save(arena.folder / "naive.file.book", [(Page("/file", REGISTER), file.read_bytes())])
        _mount(stage, department)
        _call_by(stage, made)
        yield made


def _mount(stage: Stage, department: str) -> None:
    """Mount the department's service, once."""
    world = stage.world
    operation = {"name": "person", "path": "/person", "response": "records"}
    body = {"base_url": department.removesuffix("/person"), "operations": [operation]}
    path = f"/v1/resources/{world.register}/service"
    with world.person(world.provider.head) as head:
        try:
            head.ask("GET", path)
        except Refused:
            head.ask("PUT", path, body)


def _call_by(stage: Stage, made: Arena) -> None:
    """Write what calls are answered, by the exchange and by the bare proxy."""
    target = f"/v1/subscriptions/{stage.world.called}/call/person"
    with stage.world.client(stage.world.consumer) as client:
        shown = client.send("GET", target).raise_for_status()
    (item,) = shown.json()["items"]
    if item["data"] != records.record(0):
        raise RunFailed(f"a call was answered {item}")
    bare = httpx.get(f"{made.base_url}/proxy").raise_for_status()
    pages.save(stage.folder / SERVICE, [(Page(target, 1), shown.content)])
    pages.save(made.folder / "naive.proxy.book", [(Page("/proxy", 1), bare.content)])


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
