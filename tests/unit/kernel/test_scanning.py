"""clamd's verdicts: only OK lets a file in."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernel.scanning import Clamd, Infected, NotScanned


async def content() -> AsyncIterator[bytes]:
    yield b"abc"
    yield b"def"


async def scanned(folder: Path, *verdict: bytes) -> bytes:
    """Let a scanner that says so, piece by piece, look at the content; return what it was sent."""
    heard = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.readuntil(b"def\0\0\0\0"))
        for piece in verdict:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
        writer.close()

    address = str(folder / "clamd.sock")
    async with await asyncio.start_unix_server(serve, address):
        await Clamd(address)(content())
    return bytes(heard)


async def test_what_is_clean_passes(tmp_path: Path) -> None:
    heard = await scanned(tmp_path, b"stream: OK\0")
    assert heard == b"zINSTREAM\0\0\0\0\x03abc\0\0\0\x03def\0\0\0\0"


async def test_what_is_found_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Infected):
        await scanned(tmp_path, b"stream: Eicar-Signature FOUND\0")


async def test_a_verdict_is_heard_to_its_end(tmp_path: Path) -> None:
    """What had come at once was the verdict: a virus whose name is cut behind OK came in."""
    with pytest.raises(Infected):
        await scanned(tmp_path, b"stream: Worm.OK", b"-1 FOUND\0")


@pytest.mark.parametrize(
    "verdict",
    [b"INSTREAM size limit exceeded. ERROR\0", b"", b"stream: OK", b"stream: " + b"x" * 9000],
)
async def test_what_was_not_scanned_is_refused(tmp_path: Path, verdict: bytes) -> None:
    with pytest.raises(NotScanned):
        await scanned(tmp_path, verdict)


async def test_a_scanner_that_is_away_lets_nothing_in(tmp_path: Path) -> None:
    with pytest.raises(NotScanned):
        await Clamd(str(tmp_path / "nobody"))(content())
