import asyncio
import contextlib
import signal
import subprocess
import sys

import pytest

from kernel import tasks
from kernel.tasks import Loops

DYING = """
import asyncio
from kernel import logging, tasks
logging.configure("info")
tasks.YOUNG_SECONDS = {young}
async def breaks():
    raise ValueError("broken")
async def main():
    loops = tasks.Loops(tasks.end_process)
    loops.start("breaking", breaks)
    {then}
asyncio.run(main())
"""


async def never() -> None:
    await asyncio.Event().wait()


async def test_a_loop_that_breaks_or_ends_is_named_with_why() -> None:
    loops = Loops()

    async def breaks() -> None:
        raise ValueError("broken")

    async def ends() -> None:
        pass

    loops.start("sound", never)
    loops.start("breaking", breaks)
    loops.start("ending", ends)
    await asyncio.sleep(0.01)
    assert loops.failed == {"breaking": "ValueError('broken')", "ending": "ended"}
    await loops.close()


async def test_closing_ends_every_loop_and_is_no_failure() -> None:
    loops, cleaned = Loops(), []

    async def tidy() -> None:
        try:
            await never()
        finally:
            await asyncio.sleep(0)
            cleaned.append("tidy")

    loops.start("tidy", tidy)
    loops.start("sound", never)
    await asyncio.sleep(0)
    await loops.close()
    assert cleaned == ["tidy"]
    assert loops.failed == {}


async def test_a_loop_in_which_a_cancellation_is_lost_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A feed went on after its end was asked for, and whoever closed it waited for ever."""
    monkeypatch.setattr(tasks, "CANCEL_AGAIN_SECONDS", 0.01)
    loops = Loops()

    async def deaf() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await never()
        await never()

    loops.start("deaf", deaf)
    await asyncio.sleep(0)
    async with asyncio.timeout(60):
        await loops.close()


async def test_a_loop_that_breaks_while_closing_holds_nobody_up() -> None:
    loops = Loops()

    async def stubborn() -> None:
        try:
            await never()
        finally:
            raise OSError("too late")

    loops.start("stubborn", stubborn)
    await asyncio.sleep(0)
    await loops.close()


async def test_the_first_loop_that_dies_is_told_once() -> None:
    told = []

    async def ends() -> None:
        pass

    loops = Loops(lambda: told.append("told"))
    for name in ("one", "two"):
        loops.start(name, ends)
    await asyncio.sleep(0.01)
    await loops.close()
    assert told == ["told"]


def test_a_process_with_a_dead_loop_ends_so_that_another_takes_its_place() -> None:
    """The gateway went on with a dead loop: old rules, no counts, `/healthz` ok (C14)."""
    code, log = run_dying("await asyncio.Event().wait()")
    assert code == -signal.SIGTERM
    assert "loop breaking ended" in log
    assert "this process ends" in log


def test_one_that_does_not_heed_the_signal_is_ended_by_force() -> None:
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN);"
    code, _log = run_dying(f"{stubborn} tasks.STOP_SECONDS = 0.2; await asyncio.Event().wait()")
    assert code == 1


def run_dying(then: str) -> tuple[int, str]:
    code = DYING.format(young=0.0, then=then)
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, timeout=240, check=False, text=True
    )
    return ran.returncode, ran.stderr
