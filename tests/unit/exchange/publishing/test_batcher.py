import asyncio
from collections.abc import Sequence

import pytest

from exchange.log.errors import BrokerUnavailable, OutcomeUnknown
from exchange.publishing.batcher import BATCH_BYTES, Batcher


class Log:
    """Remembers what was appended together; `gate` holds the append back."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.gate = asyncio.Event()
        self.error: Exception | None = None

    async def append(self, parts: Sequence[str]) -> list[int]:
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        first = sum(map(len, self.batches))
        self.batches.append(list(parts))
        return list(range(first, first + len(parts)))


async def test_requests_that_wait_for_the_same_append_leave_together() -> None:
    log = Log()
    batcher: Batcher[str, int] = Batcher(log.append)
    puts = [asyncio.create_task(batcher.put(str(n), 1)) for n in range(5)]
    await asyncio.sleep(0)
    log.gate.set()
    assert await asyncio.gather(*puts) == [0, 1, 2, 3, 4]
    assert log.batches == [["0", "1", "2", "3", "4"]]


async def test_a_lone_request_waits_for_nobody() -> None:
    log = Log()
    log.gate.set()
    batcher: Batcher[str, int] = Batcher(log.append)
    assert await batcher.put("only", 1) == 0
    assert batcher.idle


async def test_a_batch_is_bounded_in_bytes_and_never_splits_a_request() -> None:
    log = Log()
    batcher: Batcher[str, int] = Batcher(log.append)
    half = BATCH_BYTES // 2 + 1
    puts = [asyncio.create_task(batcher.put(str(n), half)) for n in range(3)]
    puts.append(asyncio.create_task(batcher.put("huge", 8 * BATCH_BYTES)))
    await asyncio.sleep(0)
    log.gate.set()
    await asyncio.gather(*puts)
    assert log.batches == [["0"], ["1"], ["2"], ["huge"]]


async def test_a_caller_that_leaves_does_not_take_the_others_with_it() -> None:
    log = Log()
    batcher: Batcher[str, int] = Batcher(log.append)
    leaving = asyncio.create_task(batcher.put("leaving", 1))
    staying = asyncio.create_task(batcher.put("staying", 1))
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
    batcher: Batcher[str, int] = Batcher(log.append)
    answers = await asyncio.gather(
        *(batcher.put(str(n), 1) for n in range(3)), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [type(error)] * 3
    log.error = None
    assert await batcher.put("later", 1) == 0
