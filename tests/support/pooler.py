"""What stands before a database and harms a listener, such as a transaction pooler."""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

SSL_REQUEST = 80877103
NOTIFICATION = b"A"


Way = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


def swallowing_notifications(database_url: str) -> AbstractAsyncContextManager[str]:
    """Yield the URL of a proxy before the database that lets every message but NOTIFY's pass."""
    return _before(database_url, _sift)


def ending_late(database_url: str) -> AbstractAsyncContextManager[str]:
    """Yield the URL of a proxy that tells why a session was ended, and does not end it."""
    return _before(database_url, _without_end)


class LosingCommits:
    """Once `armed`, a commit is carried out and its connection cut before the answer."""

    def __init__(self) -> None:
        self.armed = False
        self.lost = 0

    @asynccontextmanager
    async def before(self, database_url: str) -> AsyncIterator[str]:
        """Yield the URL of a proxy before the database."""
        async with _before(database_url, self._answers, self._asked) as url:
            yield url

    async def _asked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            self.lost += self.armed and b"COMMIT" in data
            writer.write(data)

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (data := await reader.read(65536)) and not self.lost:
            writer.write(data)


@asynccontextmanager
async def hanging(database_url: str) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """Yield the URL of a proxy whose answers wait while the event beside it is not set."""
    answering = asyncio.Event()
    answering.set()

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await answering.wait()
            writer.write(data)

    async with _before(database_url, answers) as url:
        yield url, answering


@asynccontextmanager
async def _before(database_url: str, answers: Way, asked: Way | None = None) -> AsyncIterator[str]:
    place = urlsplit(database_url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind, ahead = await asyncio.open_connection(place.hostname, place.port)
        try:
            await _start(reader, writer, ahead)
            ways = (
                asyncio.create_task((asked or _pass)(reader, ahead)),
                asyncio.create_task(answers(behind, writer)),
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


async def _without_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _pass(reader, writer)
    await asyncio.Event().wait()
