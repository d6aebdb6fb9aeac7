import asyncio

from kernel.tasks import Loops


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
