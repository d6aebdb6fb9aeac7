"""What the load tests check while they measure: pages, receipts and what the log holds."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from loadtests import pages, readback, records, wrk
from loadtests.arena import Arena
from loadtests.cases import drive
from loadtests.generator import Pace, Publish, Pull
from loadtests.readback import Answer, Topic, create_topics
from loadtests.results import Label
from loadtests.stage import CATCH_UP, MASKED, TAIL, Stage, generate
from loadtests.targets import SHUYUAN, WRK
from tests.support.world import unique

pytestmark = [pytest.mark.benchmark]

ARCHIVE = 30_000  # as conftest fills it

needs_wrk = pytest.mark.skipif(not wrk.is_installed(), reason="wrk is not installed")


async def test_requests_that_are_due_come_whether_answered_or_not(stage: Stage) -> None:
    work = Publish(stage.world.feeds, 1)
    seen = await asyncio.to_thread(generate, stage, work, 16, Pace(0.3, 2.0, rate=50.0))
    assert seen.total.failures == 0
    assert 80 <= seen.window.requests <= 120


@needs_wrk
@pytest.mark.parametrize("keyed", [False, True])
async def test_wrk_knows_every_acknowledgement(stage: Stage, *, keyed: bool) -> None:
    work = Publish(stage.world.feeds, 1, keyed=keyed)
    label = Label("publish-1", SHUYUAN, WRK, 8)
    case = await asyncio.to_thread(drive, stage, label, work, Pace(0.2, 0.8))
    assert case.good, case.complaints
    assert case.records_answered == case.records_read_back > case.records_per_second * 0.7
    assert 0 < case.p50_ms <= case.p99_ms


@needs_wrk
async def test_wrk_compares_every_page(stage: Stage) -> None:
    work = Pull(str(_spoilt(stage.folder / MASKED)))
    seen = await asyncio.to_thread(wrk.generate, stage, work, 2, Pace(0.0, 0.3))
    assert seen.total.failures > 0
    assert "page" in seen.total.complaints[0]


@needs_wrk
async def test_wrk_counts_what_is_refused(stage: Stage) -> None:
    work = Publish(["0" * 32], 1)
    seen = await asyncio.to_thread(wrk.generate, stage, work, 2, Pace(0.0, 0.3))
    assert seen.total.failures > 0
    assert seen.total.records == 0
    assert seen.total.complaints[0].startswith("404")


async def test_a_record_that_the_log_lacks_is_missed(arena: Arena) -> None:
    topic = await _topic(arena, [records.line(0), records.line(1)])
    found = await _ask(arena, topic, [(0, 0, 4)])
    assert (found.read_back, found.missing) == (2, 3)
    assert found.faults() == "3 records missing"


async def test_a_record_that_nobody_acknowledged_is_told(arena: Arena) -> None:
    topic = await _topic(arena, [records.line(0), records.line(1), records.line(2)])
    found = await _ask(arena, topic, [(0, 0, 0), (0, 2, 2)])
    assert (found.read_back, found.unacknowledged) == (2, 1)


async def test_an_offset_that_two_receipts_name_is_told(arena: Arena) -> None:
    topic = await _topic(arena, [records.line(0), records.line(1)])
    assert (await _ask(arena, topic, [(0, 0, 1), (0, 1, 1)])).doubled == 1


async def test_a_record_that_was_never_sent_is_told(arena: Arena) -> None:
    topic = await _topic(arena, [records.line(0), b'{"id_number":"x"}'])
    found = await _ask(arena, topic, [(0, 0, 1)])
    assert (found.read_back, found.unknown) == (1, 1)


async def test_the_tail_is_the_end_of_the_archive(stage: Stage) -> None:
    tail, masked = pages.Book(stage.folder / TAIL), pages.Book(stage.folder / MASKED)
    assert len(tail.pages) == 40
    assert len(masked.pages) == ARCHIVE // 500
    assert len(pages.Book(stage.folder / CATCH_UP).pages) == ARCHIVE // 10_000
    first = json.loads(tail.body(0).split(b"\n")[0])["key"]
    before = len(masked.pages) - len(tail.pages)
    assert json.loads(masked.body(before).split(b"\n")[0])["key"] == first


async def test_a_page_that_differs_from_the_log_is_refused(stage: Stage) -> None:
    """The masked subscription, held against the log as if nothing were masked."""
    asked = ("wrong.book", stage.world.masked, 500, list(records.NARROW))
    question = await asyncio.to_thread(stage.question, *asked)
    with pytest.raises(ValueError, match="is not what the log holds"):
        await asyncio.to_thread(pages.write, question)


async def test_a_page_that_differs_from_the_book_fails_the_run(stage: Stage) -> None:
    work = Pull(str(_spoilt(stage.folder / MASKED)))
    every, pace = ARCHIVE // 500, Pace(0.0, 60.0)
    seen = await asyncio.to_thread(generate, stage, work, 2, pace, None, every)
    assert seen.total.failures == 1
    assert "is not the page of the log" in seen.total.complaints[0]


def _spoilt(book: Path) -> Path:
    """Copy a book with one bit of its first page turned."""
    copy = book.with_name("spoilt.book")
    body = bytearray(book.read_bytes())
    body[100] ^= 1
    copy.write_bytes(bytes(body))
    shutil.copy(book.with_suffix(".index.json"), copy.with_suffix(".index.json"))
    return copy


async def _topic(arena: Arena, values: list[bytes]) -> str:
    """Write records to a topic of their own, past the exchange."""
    name = f"loadtests.{unique()}"
    await create_topics(arena.bootstrap, [name], 1)
    producer = AIOKafkaProducer(bootstrap_servers=arena.bootstrap, acks="all")
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(name, value, partition=0)
    finally:
        await producer.stop()
    return name


async def _ask(arena: Arena, topic: str, runs: list[tuple[int, int, int]]) -> Answer:
    return await readback.compare(arena.bootstrap, [Topic(topic, {0: 0}, runs)])
