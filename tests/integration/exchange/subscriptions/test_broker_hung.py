"""A broker that takes connections and never answers keeps nobody from deciding (P3, P9)."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
import pytest

from tests.support import processes
from tests.support.eventually import eventually
from tests.support.world import World

SUSPENSION = {"reason": "超范围使用", "remedy_by": "2098-01-01"}


@pytest.fixture
async def silent() -> AsyncIterator[str]:
    """The address of a server that says nothing."""
    ended = asyncio.Event()

    async def listen(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Each closes what is its own: one that comes while the server closes, too.
        await ended.wait()
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    yield "{}:{}".format(*server.sockets[0].getsockname())
    server.close()
    ended.set()


@pytest.fixture
async def deaf(
    platform: processes.Running, settings: Mapping[str, str], silent: str, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway of the same platform whose broker hangs."""
    own = {**processes.beside(settings), "SHUYUAN_KAFKA_BOOTSTRAP": silent}
    base_url = f"http://127.0.0.1:{own['SHUYUAN_PORT']}"
    with processes.running(["gateway", "serve"], own, tmp_path / "deaf.log", base_url):
        async with httpx.AsyncClient(base_url=base_url, timeout=240) as http:

            async def alive() -> bool:
                try:
                    return (await http.get("/healthz")).status_code == 200
                except httpx.TransportError:
                    return False

            await eventually(alive, within_seconds=processes.READY_SECONDS)
            yield http


async def test_views_and_decisions_hold_no_session_while_the_broker_hangs(
    world: World, deaf: httpx.AsyncClient
) -> None:
    """Eight views without a leader held the whole pool; a second suspension then got 503."""
    sharing = await world.sharing()
    path = f"/v1/subscriptions/{sharing.subscription}"
    head = {"Authorization": f"Bearer {await sharing.provider.head.token()}"}
    authority = {"Authorization": f"Bearer {await world.authority.token()}"}
    views = [deaf.get(path, headers=head) for _ in range(24)]
    suspending = deaf.post(f"{path}/suspend", headers=head, json=SUSPENSION)
    *seen, suspended = await asyncio.gather(*views, suspending)
    assert {answer.status_code for answer in (*seen, suspended)} == {200}
    assert (suspended.json()["status"], suspended.json()["lag"]) == ("suspended", None)
    again = await deaf.post(f"{path}/suspend", headers=authority, json=SUSPENSION)
    assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")
