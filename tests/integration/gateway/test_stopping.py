"""A node that is told to stop loses no request (I1, I2)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support import processes
from tests.support.eventually import eventually
from tests.support.processes import Running
from tests.support.raw_http import answer, head
from tests.support.world import Sharing, World

NDJSON = "application/x-ndjson"


@pytest.fixture
def node(settings: Mapping[str, str], gateway: str, tmp_path: Path) -> Iterator[Running]:
    """One more node of the platform, to be stopped."""
    own = processes.beside(settings, workers=2) | {"SHUYUAN_DRAIN_SECONDS": "2"}
    with processes.gateway(own, tmp_path / "gateway.log") as running:
        yield running


@pytest.fixture(scope="module")
async def sharing(world: World) -> Sharing:
    return await world.sharing()


@contextlib.asynccontextmanager
async def connected(
    node: Running,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    place = httpx.URL(node.base_url)
    async with asyncio.timeout(240):
        reader, writer = await asyncio.open_connection(place.host, place.port)
        try:
            yield reader, writer
        finally:
            writer.close()


def pull(sharing: Sharing, token: str, query: str) -> bytes:
    return head("GET", f"/v1/subscriptions/{sharing.subscription}/records?{query}", token)


async def test_polls_end_and_say_that_their_connection_does(
    node: Running, sharing: Sharing
) -> None:
    """After ten seconds they once were answered 500 in plain text, with a traceback each."""
    token = await sharing.subscriber.token()
    async with connected(node) as (reader, writer), connected(node) as (others, other):
        writer.write(pull(sharing, token, "wait=0"))
        before = await answer(reader)
        cursor = before.headers["exchange-next-cursor"]
        writer.write(pull(sharing, token, f"wait=30&cursor={cursor}"))
        other.write(head("GET", "/healthz"))
        assert (await answer(others)).status_code == 200
        await asyncio.sleep(0.3)
        node.process.terminate()
        said = await answer(reader)
        assert (said.status_code, said.content) == (200, b"")
        assert said.headers["connection"] == "close"
        assert said.headers["exchange-next-cursor"]
        assert await reader.read() == b""
        # What was connected before is still served, a new poll is not.
        other.write(pull(sharing, token, "wait=30"))
        refused = await answer(others)
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        async with connected(node) as (late, asking):
            asking.write(head("GET", "/readyz"))
            unready = await answer(late)
            assert (unready.status_code, unready.json()["node"]) == (503, "stopping")
    await asyncio.to_thread(node.process.wait, 20)
    assert "Traceback" not in node.log.read_text()


async def test_publishes_of_a_node_that_stops_are_all_answered(
    node: Running, sharing: Sharing
) -> None:
    """Every busy connection was once reset, publishes without a key among them."""
    token = await sharing.publisher.token()
    path = f"/v1/resources/{sharing.resource}/records"
    answers: list[int] = []
    lost: list[str] = []
    headers = {"Authorization": f"Bearer {token}", "Content-Type": NDJSON}

    async def publish(number: int) -> None:
        """Publish until the node refuses connections; a request that was sent is answered."""
        async with httpx.AsyncClient(base_url=node.base_url, headers=headers) as http:
            for again in range(10_000):
                body = b'{"id":"s-%d-%d","name":"x"}\n' % (number, again)
                try:
                    answers.append((await http.post(path, content=body)).status_code)
                except httpx.ConnectError:
                    return
                except httpx.TransportError as error:
                    lost.append(repr(error))

    publishing = [asyncio.create_task(publish(number)) for number in range(4)]
    await eventually(lambda: len(answers) > 20, within_seconds=30)
    node.process.terminate()
    async with asyncio.timeout(240):
        await asyncio.gather(*publishing)
    assert not lost
    assert set(answers) <= {201, 429, 503}
    assert answers.count(201) > 20


async def test_workers_end_with_the_gateway_that_started_them(node: Running) -> None:
    """After `kill -9` of the parent they kept the port, and no other gateway could start."""
    workers = node.worker_pids()
    assert len(workers) == 2
    node.process.kill()
    place = httpx.URL(node.base_url)

    async def gone() -> bool:
        try:
            _reader, writer = await asyncio.open_connection(place.host, place.port)
        except ConnectionRefusedError:
            return not any(map(psutil.pid_exists, workers))
        writer.close()
        return False

    await eventually(gone, within_seconds=40)
