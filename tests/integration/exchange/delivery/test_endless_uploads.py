"""Uploads that break off, and uploads that never end: kept as far as they came, and bounded."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from tests.integration.exchange.delivery.test_files import CONTENT, TUS, begin, send, shared
from tests.support.eventually import eventually
from tests.support.jobs import ended
from tests.support.world import Sharing, World

HALF = 100_000
CHUNK = b"10000\r\n" + bytes(0x10000) + b"\r\n"
ENOUGH = 64 * 1024 * 1024


@asynccontextmanager
async def opened(
    base_url: str,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    place = urlsplit(base_url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def head(sharing: Sharing, url: str, start: int, *lines: str) -> bytes:
    token = await sharing.publisher.token()
    fields = [
        f"PATCH {urlsplit(url).path} HTTP/1.1", "Host: x", f"Authorization: Bearer {token}",
        "Tus-Resumable: 1.0.0", "Content-Type: application/offset+octet-stream",
        f"Upload-Offset: {start}", *lines, "", "",
    ]  # fmt: skip
    return "\r\n".join(fields).encode()


async def offset(sharing: Sharing, url: str) -> int:
    asked = await sharing.publisher.send("HEAD", url, headers=TUS)
    return int(asked.headers["upload-offset"])


async def test_an_upload_goes_on_where_its_connection_broke_and_one_without_end_is_refused(
    gateway: str, world: World
) -> None:
    sharing = await shared(world)
    url = (await begin(sharing.publisher, sharing.resource)).headers["location"]
    async with opened(gateway) as (_reader, writer):
        writer.write(await head(sharing, url, 0, f"Content-Length: {len(CONTENT)}"))
        writer.write(CONTENT[:HALF])
        await writer.drain()

    async def kept() -> bool:
        return await offset(sharing, url) == HALF

    await eventually(kept)

    async with opened(gateway) as (reader, writer):
        writer.write(await head(sharing, url, HALF, "Transfer-Encoding: chunked"))
        answer, sent = asyncio.create_task(reader.readuntil(b"\r\n\r\n")), 0
        with suppress(ConnectionError):
            while not answer.done() and sent < ENOUGH:
                writer.write(CHUNK)
                await writer.drain()
                sent += len(CHUNK)
        told = await asyncio.wait_for(answer, 60)
        assert told.startswith(b"HTTP/1.1 413 "), told
        assert sent < ENOUGH
    assert await offset(sharing, url) == HALF
    assert (await send(sharing.publisher, url, HALF, CONTENT[HALF:])).status_code == 204
    file = await sharing.publisher.ask("GET", url)
    assert (await ended(sharing.publisher, file["job_id"]))["status"] == "done"
