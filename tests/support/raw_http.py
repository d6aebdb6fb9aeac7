"""Requests byte by byte, such as no well-behaved client would send."""

import asyncio
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

import httpx


async def send(
    base_url: str,
    request: bytes,
    *,
    then: Iterable[bytes] = (),
    pause_seconds: float = 0.0,
    timeout_seconds: float = 120.0,
) -> httpx.Response:
    """Send bytes, then more of them, and return the one answer; the server may answer early."""
    async with asyncio.timeout(timeout_seconds):
        place = urlsplit(base_url)
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        try:
            writer.write(request)
            feeding = asyncio.create_task(_feed(writer, then, pause_seconds))
            try:
                return await answer(reader)
            finally:
                feeding.cancel()
                await asyncio.gather(feeding, return_exceptions=True)
        finally:
            writer.close()


async def _feed(writer: asyncio.StreamWriter, parts: Iterable[bytes], pause: float) -> None:
    for part in parts:
        await asyncio.sleep(pause)
        writer.write(part)
        await writer.drain()


async def answer(reader: asyncio.StreamReader) -> httpx.Response:
    """Read one answer that has a length."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ")[1])
    headers = [
        (name, value.strip()) for name, _, value in (line.partition(":") for line in head[1:-2])
    ]
    length = int(httpx.Headers(headers).get("content-length", "0"))
    return httpx.Response(status, headers=headers, content=await reader.readexactly(length))


def head(method: str, target: bytes | str, token: str = "", **headers: str) -> bytes:
    """Return a request's head; names of headers with `_` for `-`."""
    path = target.encode() if isinstance(target, str) else target
    named = {"Host": "shuyuan", **({"Authorization": f"Bearer {token}"} if token else {})}
    lines = named | {name.replace("_", "-"): value for name, value in headers.items()}
    return b"%b %b HTTP/1.1\r\n%b\r\n" % (method.encode(), path, _lines(lines))


def _lines(headers: Mapping[str, str]) -> bytes:
    return b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in headers.items())


def chunk(data: bytes) -> bytes:
    """Return one chunk of a body without a length; of no data, its end."""
    return b"%x\r\n%b\r\n" % (len(data), data)
