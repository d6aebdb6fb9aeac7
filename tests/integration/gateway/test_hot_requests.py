"""Publishes and pulls byte by byte against the live gateway, straight and through ASGI."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.problems import problem
from tests.support.raw_http import answer, chunk, head
from tests.support.world import Sharing, World

MIB = 1024 * 1024
NDJSON = "application/x-ndjson"
Opened = tuple[asyncio.StreamReader, asyncio.StreamWriter]
# What differs between two answers to the same request.
FLEETING = {"date", "exchange-worker", "ratelimit"}


@contextlib.asynccontextmanager
async def opened(base_url: str) -> AsyncIterator[Opened]:
    place = urlsplit(base_url)
    async with asyncio.timeout(240):
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        try:
            yield reader, writer
        finally:
            writer.close()


class Asking:
    """Requests of a sharing's two clients, as bytes."""

    def __init__(self, sharing: Sharing, publishing: str, pulling: str) -> None:
        self._publishing, self._pulling = publishing, pulling
        self.publish_path = f"/v1/resources/{sharing.resource}/records"
        self.pull_path = f"/v1/subscriptions/{sharing.subscription}/records"

    def publish(self, body: bytes, path: str = "", **headers: str) -> bytes:
        named = {"Content_Type": NDJSON, "Content_Length": str(len(body)), **headers}
        return head("POST", path or self.publish_path, self._publishing, **named) + body

    def pull(self, path: str = "", method: str = "GET", **headers: str) -> bytes:
        return head(method, path or self.pull_path, self._pulling, **headers)


@pytest.fixture(scope="module")
async def own(world: World) -> Sharing:
    return await world.sharing()


@pytest.fixture
async def asking(own: Sharing) -> Asking:
    return Asking(own, await own.publisher.token(), await own.subscriber.token())


def record(name: str) -> bytes:
    return b'{"id":"%b","name":"x"}\n' % name.encode()


def stored(said: httpx.Response) -> int:
    assert said.status_code == 201, said.text
    accepted: int = said.json()["accepted"]
    return accepted


async def test_hot_and_cold_on_one_connection_are_answered_in_order(
    gateway: str, asking: Asking
) -> None:
    requests = [
        asking.publish(record("order"), Exchange_Correlation_Id="one"),
        asking.pull("/v1/me", Exchange_Correlation_Id="two"),
        asking.pull(Exchange_Correlation_Id="three"),
        asking.pull("/nowhere", Exchange_Correlation_Id="four"),
        asking.publish(b"{", Exchange_Correlation_Id="five"),
        asking.publish(record("order"), Exchange_Correlation_Id="six"),
    ]
    async with opened(gateway) as (reader, writer):
        writer.write(b"".join(requests))
        said = [await answer(reader) for _request in requests]
    ids = [each.headers["exchange-correlation-id"] for each in said]
    assert ids == ["one", "two", "three", "four", "five", "six"]
    assert [each.status_code for each in said] == [201, 200, 200, 404, 400, 201]
    assert b'"order"' in said[2].content


@pytest.mark.parametrize("size", [1, 11, 300])
async def test_a_publish_may_come_in_pieces_cut_anywhere(
    gateway: str, asking: Asking, size: int
) -> None:
    request = asking.publish(b"".join(record(f"piece-{number}") for number in range(40)))
    async with opened(gateway) as (reader, writer):
        for start in range(0, len(request), size):
            writer.write(request[start : start + size])
            await asyncio.sleep(0.0001)
        assert stored(await answer(reader)) == 40


async def test_a_publish_may_come_in_chunks(gateway: str, asking: Asking) -> None:
    path = asking.publish_path
    begin = asking.publish(b"", path).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    request = begin + chunk(record("a")) + chunk(record("b")) + chunk(b"")
    async with opened(gateway) as (reader, writer):
        writer.write(request + asking.publish(record("c")))
        assert [stored(await answer(reader)) for _time in range(2)] == [2, 1]


async def test_a_publish_may_ask_whether_to_go_on(gateway: str, asking: Asking) -> None:
    body = record("expected")
    request = asking.publish(body, Expect="100-continue")
    async with opened(gateway) as (reader, writer):
        writer.write(request[: -len(body)])
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert stored(await answer(reader)) == 1


@pytest.mark.parametrize("closing", ["HTTP/1.0", "HTTP/1.1\r\nConnection: close"])
async def test_a_connection_ends_where_it_was_asked_to(
    gateway: str, asking: Asking, closing: str
) -> None:
    for request in (asking.publish(record("last")), asking.publish(b""), asking.pull()):
        async with opened(gateway) as (reader, writer):
            writer.write(request.replace(b"HTTP/1.1", closing.encode(), 1))
            assert (await answer(reader)).headers["connection"] == "close"
            assert await reader.read() == b""


async def test_a_head_of_records_leaves_the_connection_in_step(
    gateway: str, asking: Asking
) -> None:
    async with opened(gateway) as (reader, writer):
        writer.write(asking.pull(method="HEAD") + asking.publish(record("after")))
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
        assert stored(await answer(reader)) == 1


async def test_refusals_leave_the_connection_open(gateway: str, asking: Asking) -> None:
    large = b"x" * (8 * MIB + 1)
    no_token = head("POST", asking.publish_path, Content_Length="3") + b"abc"
    async with opened(gateway) as (reader, writer):
        for _time in range(2):
            writer.write(no_token)
            problem(await answer(reader), 401, "token_missing")
            writer.write(asking.publish(large))
            problem(await answer(reader), 413, "body_too_large")
            writer.write(asking.publish(b"x", Content_Type="text/plain"))
            problem(await answer(reader), 415, "unsupported_media_type")
            writer.write(asking.pull(asking.pull_path + "?limit=0"))
            problem(await answer(reader), 400, "invalid_parameter")
            writer.write(asking.publish(record("still")))
            assert stored(await answer(reader)) == 1


async def test_whoever_leaves_amid_its_answer_disturbs_nobody(gateway: str, asking: Asking) -> None:
    for cut in (1, 200):
        async with opened(gateway) as (reader, writer):
            writer.write(asking.publish(record("gone")) * 3)
            await reader.readexactly(cut)
            writer.transport.abort()
        async with opened(gateway) as (_reader, writer):
            writer.write(asking.publish(record("gone") * 9)[:-5])
    async with opened(gateway) as (reader, writer):
        writer.write(asking.publish(record("there")))
        assert stored(await answer(reader)) == 1


async def test_garbage_after_a_publish_is_a_400_and_the_end(gateway: str, asking: Asking) -> None:
    async with opened(gateway) as (reader, writer):
        writer.write(asking.publish(record("first")))
        assert stored(await answer(reader)) == 1
        writer.write(record("second"))
        assert (await answer(reader)).status_code == 400
        assert await reader.read() == b""


@pytest.mark.parametrize("given", ["a\rX-Evil: 1", "a\r\n X-Evil: 1", "a\nX-Evil: 1", "a%0d%0aX"])
async def test_no_line_of_a_caller_gets_into_an_answer(
    gateway: str, asking: Asking, given: str
) -> None:
    for request in (
        asking.publish(record("evil"), Exchange_Correlation_Id=given),
        asking.publish(b"", Exchange_Correlation_Id=given),
        asking.publish(b"", Accept_Language=given, Idempotency_Key=given),
    ):
        async with opened(gateway) as (reader, writer):
            writer.write(request)
            said = await answer(reader)
            assert "x-evil" not in said.headers
            assert "\r" not in said.headers.get("exchange-correlation-id", "")


def escaped(path: str) -> str:
    """Return the same path, written so that it goes through ASGI."""
    return path.replace("/records", "/%72ecords")


PUBLISHES = {
    "nothing": (b"", {}),
    "half": (b"{", {}),
    "in English": (b'{"id":"1","colour":1}\n', {"Accept_Language": "en"}),
    "another media type": (b"x", {"Content_Type": "text/xml"}),
    "a bad key": (b"x", {"Idempotency_Key": "\xe9"}),
    "a version that is none": (b"x", {"Exchange_Resource_Version": "x"}),
    "another version": (b"x", {"Exchange_Resource_Version": "99"}),
    "no token": (b"x", {"Authorization": "Basic x"}),
}
PULLS = {
    "all": ("", {}),
    "one": ("?limit=1", {}),
    "JSON": ("?limit=2", {"Accept": "application/json"}),
    "no number": ("?limit=x", {"Accept_Language": "en"}),
    "a forged cursor": ("?cursor=x", {}),
    "an unknown parameter": ("?a=b", {}),
    "a fragment": ("?limit=1#x", {}),
    "a wait": ("?cursor=&wait=0", {}),
}


async def same_of_both(gateway: str, straight: bytes, through_asgi: bytes) -> httpx.Response:
    """Ask both ways; AssertionError unless everything but the moment is the same."""
    async with opened(gateway) as (reader, writer):
        writer.write(straight)
        first = await answer(reader)
        writer.write(through_asgi)
        second = await answer(reader)
    assert first.status_code == second.status_code
    assert first.content == second.content
    assert first.headers.keys() == second.headers.keys()
    for name in first.headers.keys() - FLEETING:
        assert first.headers[name] == second.headers[name], name
    return first


@pytest.mark.parametrize("name", PUBLISHES)
async def test_a_refused_publish_is_answered_as_through_asgi(
    gateway: str, asking: Asking, name: str
) -> None:
    body, headers = PUBLISHES[name]
    path = asking.publish_path
    named = {"Exchange_Correlation_Id": "same", **headers}
    ways = (asking.publish(body, way, **named) for way in (path, escaped(path)))
    said = await same_of_both(gateway, *ways)
    problem(said, said.status_code, said.json()["code"])


async def test_a_replay_is_answered_as_through_asgi(gateway: str, asking: Asking) -> None:
    path = asking.publish_path
    named = {"Exchange_Correlation_Id": "same", "Idempotency_Key": "both ways"}
    body = record("replayed")
    async with opened(gateway) as (reader, writer):
        writer.write(asking.publish(body, **named))
        assert stored(await answer(reader)) == 1
    ways = (asking.publish(body, way, **named) for way in (path, escaped(path)))
    said = await same_of_both(gateway, *ways)
    assert said.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("name", PULLS)
async def test_a_pull_is_answered_as_through_asgi(gateway: str, asking: Asking, name: str) -> None:
    query, headers = PULLS[name]
    path = asking.pull_path
    named = {"Exchange_Correlation_Id": "same", **headers}
    ways = (asking.pull(way + query, **named) for way in (path, escaped(path)))
    await same_of_both(gateway, *ways)
