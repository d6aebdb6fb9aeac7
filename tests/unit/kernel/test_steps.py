"""What holds the loop is measured step by step, in CPU time, and told with what ran (P11)."""

import asyncio
import gc
import logging
import re
from collections.abc import Callable
from time import sleep, thread_time

import pytest

from kernel.steps import MeteredSelector, MeteredUvloop, StepMeter

Loop = MeteredSelector | MeteredUvloop
LEAST_MS = 20.0


def work(seconds: float) -> None:
    until = thread_time() + seconds
    while thread_time() < until:
        pass


async def long_then_short() -> None:
    await asyncio.sleep(0)
    work(0.05)
    await asyncio.sleep(0)
    sleep(0.05)  # noqa: ASYNC251 - waiting takes no CPU: another process may have had it


async def in_turns() -> None:
    for _ in range(10):
        work(0.005)
        await asyncio.sleep(0)


class Greedy(asyncio.Protocol):
    def __init__(self, heard: "asyncio.Future[None]") -> None:
        self._heard = heard

    def data_received(self, _data: bytes) -> None:
        work(0.05)
        self._heard.set_result(None)


async def receive() -> None:
    loop = asyncio.get_running_loop()
    heard: asyncio.Future[None] = loop.create_future()
    server = await loop.create_server(lambda: Greedy(heard), "127.0.0.1", 0)
    _reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(b"x")
    await heard
    writer.close()
    server.close()


@pytest.fixture(params=[MeteredUvloop, MeteredSelector])
def run(
    request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> Callable[..., list[str]]:
    """Run a coroutine on a measured loop of its own; return what was told of its steps."""

    def run_(story: Callable[[], object]) -> list[str]:
        caplog.set_level(logging.WARNING)
        with asyncio.Runner(loop_factory=lambda: request.param(StepMeter(LEAST_MS))) as runner:
            runner.run(story())  # type: ignore[arg-type]
        return [record.getMessage() for record in caplog.records]

    return run_


def test_one_long_step_is_told_with_its_task_and_where_it_paused(
    run: Callable[..., list[str]],
) -> None:
    [told] = run(long_then_short)
    assert "long_then_short (tests/unit/kernel/test_steps.py" in told, told
    assert ", up to long_then_short" in told, told


async def collect() -> None:
    await asyncio.sleep(0)
    until = thread_time() + 0.05
    while thread_time() < until:
        gc.collect()


def test_what_the_garbage_collector_took_is_told(run: Callable[..., list[str]]) -> None:
    """The longest steps of a campaign stood in places that do next to nothing."""
    [told] = run(collect)
    assert re.search(r"collect \(.*, of which the garbage collector took \d+\.\d ms$", told), told


def test_the_same_work_in_turns_is_no_long_step(run: Callable[..., list[str]]) -> None:
    assert run(in_turns) == []


def test_what_a_protocol_does_with_its_bytes_is_a_step(run: Callable[..., list[str]]) -> None:
    [told] = run(receive)
    assert "Greedy.data_received" in told, told
