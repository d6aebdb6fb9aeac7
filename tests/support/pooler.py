"""What a transaction pooler does to a listener: queries are answered, notifications are lost."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

SSL_REQUEST = 80877103
NOTIFICATION = b"A"


@asynccontextmanager
async def swallowing_notifications(database_url: str) -> AsyncIterator[str]:
    """Yield the URL of a proxy before the database that lets every message but NOTIFY's pass."""
    place = urlsplit(database_url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, ahead = await asyncio.open_connection(place.hostname, place.port)
        try:
            await _start(reader, writer, ahead)
            ways = (
                asyncio.create_task(_pass(reader, ahead)),
                asyncio.create_task(_sift(behind, writer)),
            )
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        finally:
            ahead.close()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    user = place.netloc.rpartition("@")[0]
    async with server:
        yield urlunsplit(place._replace(netloc=f"{user}@127.0.0.1:{port}"))


async def _start(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ahead: asyncio.StreamWriter
) -> None:
    """Refuse TLS, then hand the start-up message on."""
    head = await reader.readexactly(8)
    if struct.unpack("!II", head)[1] == SSL_REQUEST:
        writer.write(b"N")
        head = await reader.readexactly(8)
    length = struct.unpack("!I", head[:4])[0]
    ahead.write(head + await reader.readexactly(length - 8))


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)


async def _sift(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        head = await reader.readexactly(5)
        body = await reader.readexactly(struct.unpack("!I", head[1:])[0] - 4)
        if head[:1] != NOTIFICATION:
            writer.write(head + body)
