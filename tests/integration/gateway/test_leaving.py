"""Records and their grant on real sockets: what waits for a slow reader, and who left (P3)."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import cramjam
import httpx
import pytest

from tests.support.problems import problem
from tests.support.raw_http import answer, head
from tests.support.world import Sharing, World

MEBI = 1024 * 1024
NDJSON = "application/x-ndjson"
REWIND = "/v1/subscriptions/{}/rewind"
RECORDS = 8_000
SUSPENSION = {"reason": "超范围使用", "remedy_by": "2098-01-01"}
NAME = "名" * 190
LINES = [{"id": str(number), "name": NAME} for number in range(RECORDS)]


@pytest.fixture(scope="module")
async def full(world: World) -> Sharing:
    """A sharing whose log holds more than the kernels of both ends take."""
    sharing = await world.sharing()
    for start in range(0, RECORDS, 1000):
        await sharing.publisher.publish(sharing.resource, LINES[start : start + 1000])
    return sharing


async def published(sharing: Sharing, body: bytes, **headers: str) -> httpx.Response:
    path = f"/v1/resources/{sharing.resource}/records"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await sharing.publisher.send(
        "POST", path, content=body, headers={"Content-Type": NDJSON, **named}
    )


def pull(sharing: Sharing, token: str, query: str = "limit=10000", **headers: str) -> bytes:
    path = f"/v1/subscriptions/{sharing.subscription}/records?{query}"
    return head("GET", path, token, **headers)


@asynccontextmanager
async def unread(base_url: str, request: bytes) -> AsyncIterator[socket.socket]:
    loop, place = asyncio.get_running_loop(), urlsplit(base_url)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        client.setblocking(False)
        await loop.sock_connect(client, (place.hostname, place.port))
        await loop.sock_sendall(client, request)
        yield client


async def rest(client: socket.socket) -> bytes:
    """Return what is still to be read, until the end or a reset."""
    loop, taken = asyncio.get_running_loop(), b""
    async with asyncio.timeout(240):
        while True:
            try:
                part = await loop.sock_recv(client, MEBI)
            except ConnectionResetError:
                return taken
            if not part:
                return taken
            taken += part


async def test_a_page_that_waits_for_its_reader_ends_with_its_grant(
    gateway: str, full: Sharing
) -> None:
    """Two pulls of 10,000 left whole, the second written after the suspension (A1)."""
    token = await full.subscriber.token()
    path = f"/v1/subscriptions/{full.subscription}"
    async with unread(gateway, pull(full, token) * 2) as client:
        # The answer has begun: the rest of it waits in the worker for its reader.
        first = await asyncio.get_running_loop().sock_recv(client, 1024)
        assert first.startswith(b"HTTP/1.1 200")
        await full.provider.head.ask("POST", f"{path}/suspend", SUSPENSION)
        try:
            # Promised is one second, on every worker, to the last byte handed to the kernel.
            await asyncio.sleep(4)
            taken = first + await rest(client)
        finally:
            await full.provider.head.ask("POST", f"{path}/resume")
    assert len(taken) < MEBI
    assert taken.count(b"HTTP/1.1 200") == 1


async def test_a_slow_reader_whose_grant_stays_gets_all_of_it(gateway: str, full: Sharing) -> None:
    token = await full.subscriber.token()
    async with unread(gateway, pull(full, token, Connection="close")) as client:
        await asyncio.sleep(0.5)
        taken = await rest(client)
    assert taken.count(b'"op":"upsert"') == RECORDS


async def test_whoever_leaves_a_poll_leaves_its_place(gateway: str, full: Sharing) -> None:
    """It once kept place and quota for the whole wait (E12)."""
    token = await full.subscriber.token()
    page = await full.subscriber.pull_all(full.subscription)
    place = urlsplit(gateway)
    query = f"wait=30&cursor={page.cursor}"
    for _time in range(20):
        _reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(pull(full, token, query))
        await asyncio.sleep(0.02)
        writer.transport.abort()
    # What comes next is seen by nobody who left, and by whoever asks.
    await full.publisher.publish(full.resource, [{"id": "after", "name": "x"}])
    told = await full.subscriber.pull(full.subscription, page.cursor, wait=5)
    assert [line["key"] for line in told.records] == ["after"]


@pytest.mark.parametrize(
    ("accept", "coding"), [("gzip, zstd", "zstd"), ("gzip", "gzip"), ("br", "")]
)
async def test_a_large_page_leaves_coded_where_it_is_welcome(
    gateway: str, full: Sharing, accept: str, coding: str
) -> None:
    token = await full.subscriber.token()
    place = urlsplit(gateway)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    start = await full.subscriber.ask("POST", REWIND.format(full.subscription), {"to": "earliest"})
    query = f"cursor={start['cursor']}"
    writer.write(pull(full, token, f"limit=1000&{query}", Accept_Encoding=accept))
    said = await answer_raw(reader)
    writer.write(pull(full, token, f"limit=10&{query}", Accept_Encoding=accept))
    small = await answer_raw(reader)
    writer.close()
    assert said[0].get("content-encoding", "") == coding
    assert "content-encoding" not in small[0]
    body = said[1]
    if coding:
        body = gzip.decompress(body) if coding == "gzip" else bytes(cramjam.zstd.decompress(body))
    assert body.count(b'"op":"upsert"') == 1000


async def answer_raw(reader: asyncio.StreamReader) -> tuple[dict[str, str], bytes]:
    """Return headers and body as they came, coded or not."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[1:-2]
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return headers, await reader.readexactly(int(headers["content-length"]))


@pytest.mark.parametrize("coding", ["zstd", "gzip"])
async def test_a_coded_batch_is_the_same_batch(gateway: str, full: Sharing, coding: str) -> None:
    """Gzip was once taken for broken text, and a label was believed by nobody (F6)."""
    plain = f'{{"id":"coded-{coding}","name":"x"}}\n'.encode()
    coded = gzip.compress(plain) if coding == "gzip" else bytes(cramjam.zstd.compress(plain))
    first = await published(full, plain, Idempotency_Key=f"coded-{coding}")
    again = await published(full, coded, Idempotency_Key=f"coded-{coding}", Content_Encoding=coding)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json()["digest"] == first.json()["digest"]


async def test_a_coding_that_is_none_here_is_refused(gateway: str, full: Sharing) -> None:
    said = await published(full, b"x", Content_Encoding="br")
    problem(said, 415, "unsupported_media_type")
    assert said.headers["accept-encoding"] == "zstd, gzip"
    problem(await published(full, b"x", Content_Encoding="gzip"), 400, "malformed_request")
    bomb = bytes(cramjam.zstd.compress(b" " * 64 * MEBI))
    problem(await published(full, bomb, Content_Encoding="zstd"), 413, "body_too_large")


@pytest.mark.parametrize("query", ["limit=0", "limit=x&wait=99", "unknown=1"])
async def test_a_caller_is_known_before_its_parameters_are_read(
    gateway: str, full: Sharing, query: str
) -> None:
    """`limit=0` without a token was once 400 (F8)."""
    place = urlsplit(gateway)
    for token, status in (("", 401), ("x", 401), (await full.subscriber.token(), 400)):
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(pull(full, token, query))
        assert (await answer(reader)).status_code == status
        writer.close()
