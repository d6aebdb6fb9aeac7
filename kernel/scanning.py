"""The hook for a virus scanner: clamd's INSTREAM, asked before a foreign file is accepted.

What was not scanned is refused: a scanner that is away, or that would not look at so much, is no
verdict. clamd passes over what exceeds its own limits unless `AlertExceedsMax yes` is set.
"""

import asyncio
from collections.abc import AsyncIterable
from typing import Final

from kernel.errors import Invalid, Text, Unavailable

SECONDS: Final = 120.0
ANSWER_MAX: Final = 4096
CLEAN: Final = b"OK"
FOUND: Final = b"FOUND"


class Infected(Invalid):
    code = "file_refused"
    title = Text("文件未通过安全扫描", "The file did not pass the security scan")


class NotScanned(Unavailable):
    title = Text(
        "安全扫描服务未能检查该文件，请稍后重试",
        "The scanner could not look at the file; try later",
    )


class Clamd:
    """A scanner at `host:port`, or at the path of its socket."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def __call__(self, content: AsyncIterable[bytes]) -> None:
        """Return when the scanner says that the content is clean; raises Infected, NotScanned."""
        try:
            async with asyncio.timeout(SECONDS):
                verdict = await self._ask(content)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise NotScanned from error
        if verdict.endswith(FOUND):
            raise Infected
        if not verdict.endswith(CLEAN):
            raise NotScanned

    async def _ask(self, content: AsyncIterable[bytes]) -> bytes:
        reader, writer = await self._open()
        try:
            writer.write(b"zINSTREAM\0")
            async for part in content:
                writer.write(len(part).to_bytes(4, "big") + part)
                await writer.drain()
            writer.write(bytes(4))
            await writer.drain()
            # Half a verdict is none: that of a virus may end in OK where it is cut.
            return (await reader.readuntil(b"\0")).rstrip(b"\0\n ")
        finally:
            writer.close()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if "/" in self._address:
            return await asyncio.open_unix_connection(self._address, limit=ANSWER_MAX)
        host, _, port = self._address.rpartition(":")
        return await asyncio.open_connection(host, int(port), limit=ANSWER_MAX)
