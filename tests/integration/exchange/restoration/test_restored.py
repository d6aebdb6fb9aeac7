"""A database restored to an earlier moment: noticed, refused, declared, mended (P12).

Restored in silence it let suspended subscriptions read again, gave event ids to other events and
version numbers to other contracts, and the audit log was whole.
"""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaProducer

from deploy.local.databases import drop_database
from deploy.local.stack import Endpoints
from exchange.log.chunk_cache import ChunkCache
from exchange.log.connection import Connection
from exchange.log.landmarks import PREFIX
from exchange.log.reader import EARLIEST, LATEST, Reader
from exchange.log.topics import EVENTS_TOPIC
from tests.support import processes
from tests.support.callers import ClientApp, Person, Refused, ndjson
from tests.support.databases import connected, new_database
from tests.support.doors import records
from tests.support.eventually import eventually
from tests.support.revising import revise
from tests.support.world import Sharing, World

pytestmark = pytest.mark.slow
MIB = 1024 * 1024


@contextmanager
def running(settings: Mapping[str, str], logs: Path, name: str) -> Iterator[processes.Running]:
    with ExitStack() as parts:
        gateway = parts.enter_context(processes.gateway(settings, logs / f"{name}.log"))
        parts.enter_context(processes.worker(settings, logs / f"{name}-worker.log"))
        yield gateway


@pytest.fixture(scope="module")
async def url(endpoints: Endpoints) -> AsyncIterator[str]:
    async with new_database(endpoints.database_url) as made:
        yield made


@pytest.fixture(scope="module")
def own_settings(url: str, endpoints: Endpoints) -> dict[str, str]:
    return processes.environment(url, endpoints.kafka_bootstrap, SHUYUAN_WORKERS="1")


async def copy(endpoints: Endpoints, source: str, target: str) -> None:
    """Put a copy of one database in the place of another; nobody may be connected to either."""
    async with connected(endpoints.database_url) as server:
        await drop_database(server, target)
        await eventually(lambda: _copied(server, source, target))


async def _copied(server: asyncpg.Connection, source: str, target: str) -> bool:
    try:
        await server.execute(f"CREATE DATABASE {target} TEMPLATE {source}")
    except asyncpg.ObjectInUseError:
        return False
    return True


def declare(settings: Mapping[str, str]) -> str:
    done = subprocess.run(
        (sys.executable, "-m", "shuyuan_client", "restored", "--reason", "disk lost"),
        capture_output=True,
        text=True,
        check=False,
        cwd=processes.ROOT,
        env={**settings, "SHUYUAN_LANG": "en"},
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def event_ids(bootstrap: str, concerning: str) -> list[tuple[int, str]]:
    """Return the ids and types of the platform's messages that speak of a thing."""
    connection = Connection(bootstrap, "events")
    reader = Reader(connection, ChunkCache(MIB))
    offset = await reader.offset(EVENTS_TOPIC, 0, EARLIEST)
    end = await reader.offset(EVENTS_TOPIC, 0, LATEST)
    told: list[dict[str, Any]] = []
    while offset < end:
        chunk = await reader.read(EVENTS_TOPIC, 0, offset, MIB)
        told += [json.loads(value) for value in chunk.values if value and concerning in str(value)]
        offset = chunk.next_offset
    await connection.close()
    return [(each["id"], each["type"]) for each in told]


async def suspended(bootstrap: str, subscription: str) -> bool:
    told = await event_ids(bootstrap, subscription)
    return "subscription.suspended" in {type_ for _id, type_ in told}


async def test_a_restored_database_is_refused_until_it_is_declared(
    endpoints: Endpoints, url: str, own_settings: dict[str, str], logs: Path
) -> None:
    name = urlsplit(url).path[1:]
    backup = f"{name}_backup"
    with running(own_settings, logs, "before") as platform:
        async with World.begin(platform.base_url, own_settings, logs / "restored.json") as world:
            sharing = await world.sharing()
            other = await another(world, sharing)
            access = await accesses(world, sharing)
    await copy(endpoints, name, backup)
    try:
        with running(own_settings, logs, "forgotten"):
            async with World.begin(
                platform.base_url, own_settings, logs / "restored.json"
            ) as world:
                await forgotten_time(world, sharing, endpoints)
                await forgotten_version(world, sharing, endpoints)
                await forgotten_access(world, access, endpoints)
        await copy(endpoints, backup, name)
        await refused_then_served(endpoints, own_settings, logs, sharing, other, access)
    finally:
        async with connected(endpoints.database_url) as server:
            await drop_database(server, backup)


async def forgotten_time(world: World, sharing: Sharing, endpoints: Endpoints) -> None:
    """What the backup does not know: a suspension and records."""
    publisher = again(world, sharing.publisher)
    answer = await publisher.try_publish(sharing.resource, ndjson(records("late", 3)))
    assert answer.status_code == 201, answer.text
    facts = {"reason": "misuse", "remedy_by": "2098-01-01"}
    await world.authority.ask("POST", f"/v1/subscriptions/{sharing.subscription}/suspend", facts)
    await eventually(
        lambda: suspended(endpoints.kafka_bootstrap, sharing.subscription), within_seconds=30
    )


@dataclass(frozen=True)
class Access:
    """Somebody, and a system, who will lose what they have; and a token of the time before."""

    person: Person
    person_id: str
    client: ClientApp
    token: str


async def accesses(world: World, sharing: Sharing) -> Access:
    person = await world.new_person(sharing.consumer.uscc, "clerk")
    shown = await person.ask("GET", "/v1/me")
    token = await sharing.subscriber.token()
    return Access(person, shown["id"], await world.client(sharing.consumer), token)


async def forgotten_access(world: World, access: Access, endpoints: Endpoints) -> None:
    """What the backup does not know: somebody was suspended, and a secret was replaced."""
    path = f"/v1/people/{access.person_id}"
    tag = (await world.security.get(path)).headers["ETag"]
    suspended = {"status": "suspended"}
    answer = await world.security.patch(path, suspended, headers={"If-Match": tag})
    assert answer.status_code == 200, answer.text
    await world.security.ask("POST", f"/v1/clients/{access.client.id}/rotate", {})
    for thing, type_ in (
        (access.person_id, "person.changed"),
        (access.client.id, "client.rotated"),
    ):
        await eventually(
            partial(told_of, endpoints.kafka_bootstrap, thing, type_, 1), within_seconds=30
        )


async def nobody_comes_back(world: World, access: Access) -> None:
    """The password, the secret that was replaced and tokens of before were valid again."""
    for who in (the_same(world, access.person), again(world, access.client)):
        with pytest.raises(Refused):
            await who.token()
    answer = await world.http.get("/v1/me", headers={"Authorization": f"Bearer {access.token}"})
    assert answer.status_code == 401, answer.text
    shown = await world.security.ask("GET", f"/v1/clients/{access.client.id}")
    assert shown["status"] == "suspended"


async def another(world: World, sharing: Sharing) -> Sharing:
    """A second department that reads the same resource, and that nobody suspends."""
    consumer = await world.department()
    client = await world.client(consumer)
    subscription = await world.subscription(sharing.resource, consumer, client)
    return replace(sharing, consumer=consumer, subscriber=client, subscription=subscription)


async def forgotten_version(world: World, sharing: Sharing, endpoints: Endpoints) -> None:
    """A version that the backup does not know, and a record of it."""
    provider = replace(
        sharing.provider,
        clerk=the_same(world, sharing.provider.clerk),
        head=the_same(world, sharing.provider.head),
    )
    world.adopt(sharing.resource, provider)
    await revise(world, replace(sharing, provider=provider), {"name": {"mask": {"kind": "full"}}})
    publisher = again(world, sharing.publisher)
    await publisher.publish(sharing.resource, [{"id": "of-two", "name": "x"}])
    await eventually(
        lambda: told_of(endpoints.kafka_bootstrap, sharing.resource, "resource.published", 2),
        within_seconds=30,
    )


async def told_of(bootstrap: str, concerning: str, type_: str, times: int) -> bool:
    """Whether so many events have left; one that was sent again is one."""
    told = set(await event_ids(bootstrap, concerning))
    return [each for _id, each in told].count(type_) >= times


def the_same(world: World, person: Person) -> Person:
    """The same member of staff on the connections of another world."""
    return Person(world.http, person.username, person.password)


async def records_of_a_forgotten_version(world: World, other: Sharing) -> None:
    """They were 503 for ever: the number of their version was never given out again."""
    page = await again(world, other.subscriber).pull_all(other.subscription)
    assert page.records[-1] == {
        "op": "upsert",
        "key": "of-two",
        "data": {"id": "of-two", "name": "***"},
    }
    assert len(page.records) == 4


async def refused_then_served(
    endpoints: Endpoints,
    settings: dict[str, str],
    logs: Path,
    sharing: Sharing,
    other: Sharing,
    access: Access,
) -> None:
    pulling = f"/v1/subscriptions/{sharing.subscription}/records"
    log = logs / "restored.log"
    with (
        processes.running(["gateway", "serve"], settings, log, settings["SHUYUAN_BASE_URL"]),
        processes.worker(settings, logs / "restored-worker.log"),
    ):
        async with httpx.AsyncClient(base_url=settings["SHUYUAN_BASE_URL"]) as http:
            await eventually(lambda: tells_of_the_restore(http), within_seconds=60)
            async with World.begin(
                settings["SHUYUAN_BASE_URL"], settings, logs / "restored.json"
            ) as world:
                subscriber = again(world, sharing.subscriber)
                for answer in (await subscriber.get(pulling), await world.operator.get("/v1/me")):
                    assert (answer.status_code, answer.json()["code"]) == (
                        503,
                        "database_restored",
                    )
                await others_note_a_landmark(endpoints, settings)
                told = await asyncio.to_thread(declare, settings)
                assert "subscription.suspended" in told
                assert "1 subscriptions that had been stopped were suspended" in told
                assert f"{sharing.resource}\t2" in told
                assert "1 people and 1 systems (above)" in told
                await eventually(lambda: is_ready(http), within_seconds=30)
                answer = await subscriber.get(pulling)
                assert answer.json()["code"] == "token_invalid"
                answer = await again(world, sharing.subscriber).get(pulling)
                assert answer.json()["code"] == "subscription_suspended"
                await nobody_comes_back(world, access)
                await records_of_a_forgotten_version(world, other)
                await ids_are_new(endpoints, sharing)


async def others_note_a_landmark(endpoints: Endpoints, settings: Mapping[str, str]) -> None:
    """One that no database reaches: a restore could be declared, and nothing was served still."""
    url = settings["SHUYUAN_DATABASE_URL"]
    async with connected(url) as database:
        platform = await database.fetchval("SELECT platform FROM kernel.landmark")
    producer = AIOKafkaProducer(bootstrap_servers=endpoints.kafka_bootstrap)
    await producer.start()
    forged = {"generation": 10**12, "number": 1}
    await producer.send_and_wait(PREFIX + platform.hex, json.dumps(forged).encode())
    await producer.stop()


def again(world: World, client: ClientApp) -> ClientApp:
    """The same system on the connections of another world."""
    known = {"client_id": client.id, "client_secret": client.secret}
    return ClientApp(world.http, client.department, known)


async def tells_of_the_restore(http: httpx.AsyncClient) -> bool:
    try:
        answer = await http.get("/readyz")
    except httpx.HTTPError:
        return False
    return answer.status_code == 503 and "behind the log" in answer.json()["restore"]


async def is_ready(http: httpx.AsyncClient) -> bool:
    return (await http.get("/readyz")).status_code == 200


async def ids_are_new(endpoints: Endpoints, sharing: Sharing) -> None:
    """Listeners drop the ids that they know: the second suspension must be news to them."""

    async def twice() -> bool:
        told = await event_ids(endpoints.kafka_bootstrap, sharing.subscription)
        return [type_ for _id, type_ in told].count("subscription.suspended") == 2

    await eventually(twice, within_seconds=30)
    told = await event_ids(endpoints.kafka_bootstrap, sharing.subscription)
    # A message may come twice (at least once), but no id names two things.
    assert len({id_ for id_, _type in told}) == len(set(told))
