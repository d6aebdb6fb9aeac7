"""The first answer of several who can give one: a hung one costs a pause, not its time-out."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

Answer = TypeVar("Answer")


async def first_answer(
    attempts: Iterable[Callable[[], Awaitable[Answer]]], pause_seconds: float
) -> Answer:
    """Return what the first attempt that does not fail returns.

    The next one begins when all before have failed, or after a pause. Attempts that are too late
    end by themselves: to cancel a request would leave its place in the connection occupied.
    Raises the last failure, LookupError without attempts.
    """
    remaining = list(attempts)
    running: set[asyncio.Task[Answer]] = set()
    failure: BaseException = LookupError("nobody to ask")
    while remaining or running:
        if remaining:
            running.add(_begin(remaining.pop(0)))
        done, running = await asyncio.wait(
            running,
            timeout=pause_seconds if remaining else None,
            return_when=asyncio.FIRST_COMPLETED,
        )
        for task in done:
            error = asyncio.CancelledError() if task.cancelled() else task.exception()
            if error is None:
                return task.result()
            failure = error
    raise failure


_begun: set["asyncio.Task[Any]"] = set()


def _begin(attempt: Callable[[], Awaitable[Answer]]) -> asyncio.Task[Answer]:
    async def run() -> Answer:
        return await attempt()

    task = asyncio.create_task(run())
    _begun.add(task)
    task.add_done_callback(_ended)
    return task


def _ended(task: "asyncio.Task[Any]") -> None:
    _begun.discard(task)
    if not task.cancelled():
        task.exception()  # it may have been too late for anybody to ask
