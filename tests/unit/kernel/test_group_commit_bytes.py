"""Appends gathered by bytes: order kept, none split, none lost with a caller that leaves."""

import asyncio
from collections.abc import Sequence

import pytest

from exchange.log.errors import BrokerUnavailable, OutcomeUnknown
from kernel.group_commit import GroupCommit

BATCH_BYTES = 1024 * 1024


class Log:
    """Remembers what was appended together; `gate` holds the append back."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gate = asyncio.Event()
        self.error: Exception | None = None

    def queue(self) -> GroupCommit[str, int]:
        return GroupCommit(self.append, most=100, most_bytes=BATCH_BYTES, keeps_left=True)

    async def append(self, parts: Sequence[str]) -> list[int]:
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        first = sum(map(len, self.batches))
        self.batches.append(list(parts))
        return list(range(first, first + len(parts)))


async def test_requests_that_wait_for_the_same_append_leave_together() -> None:
    log = Log()
    queue = log.queue()
    puts = [asyncio.create_task(queue.submit(str(n), 1)) for n in range(5)]
    await asyncio.sleep(0)
    log.gate.set()
    assert await asyncio.gather(*puts) == [0, 1, 2, 3, 4]
    assert log.batches == [["0", "1", "2", "3", "4"]]


async def test_a_lone_request_waits_for_nobody() -> None:
    log = Log()
    log.gate.set()
    queue = log.queue()
    assert await queue.submit("only", 1) == 0
    assert queue.idle


async def test_a_batch_is_bounded_in_bytes_and_never_splits_a_request() -> None:
    log = Log()
    queue = log.queue()
    half = BATCH_BYTES // 2 + 1
    puts = [asyncio.create_task(queue.submit(str(n), half)) for n in range(3)]
    puts.append(asyncio.create_task(queue.submit("huge", 8 * BATCH_BYTES)))
    await asyncio.sleep(0)
    log.gate.set()
    await asyncio.gather(*puts)
    assert log.batches == [["0"], ["1"], ["2"], ["huge"]]


async def test_a_caller_that_leaves_does_not_take_the_others_with_it() -> None:
    log = Log()
    queue = log.queue()
    leaving = asyncio.create_task(queue.submit("leaving", 1))
    staying = asyncio.create_task(queue.submit("staying", 1))
    await asyncio.sleep(0)
    leaving.cancel()
    log.gate.set()
    assert await staying == 1
    assert log.batches == [["leaving", "staying"]]


@pytest.mark.parametrize("error", [OutcomeUnknown(), BrokerUnavailable()])
async def test_everybody_in_a_failed_batch_hears_the_same(error: OutcomeUnknown) -> None:
    log = Log()
    log.error = error
    log.gate.set()
    queue = log.queue()
    answers = await asyncio.gather(
        *(queue.submit(str(n), 1) for n in range(3)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [type(error)] * 3
    log.error = None
    assert await queue.submit("later", 1) == 0
