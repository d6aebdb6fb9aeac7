"""Programs that a page shows to be copied, and a shell to run them in."""

import asyncio
import html
import re
from collections.abc import Mapping

from tests.support.browsing import Page

SHOWN = re.compile(r'<pre[^>]*aria-label="([^"]*)"[^>]*>(.*?)</pre>', re.DOTALL)
RUN_SECONDS = 60


def programs(page: Page) -> Mapping[str, str]:
    """Return what stands in the page to be copied, by its language."""
    return {
        html.unescape(name): html.unescape(text) for name, text in SHOWN.findall(page.answer.text)
    }


async def run(*command: str, folder: object, until: str = "", **variables: str) -> str:
    """Return what a program prints; one that does not end by itself is ended after `until`."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=str(folder), env={"PATH": "/usr/bin:/bin", **variables},
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    printed = ""
    async with asyncio.timeout(RUN_SECONDS):
        while (line := (await process.stdout.readline()).decode()) or not process.stdout.at_eof():
            printed += line
            if until and until in line:
                process.terminate()
                break
        await process.wait()
    return printed
