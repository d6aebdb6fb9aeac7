"""What the audit seals of publishes and reads is what an auditor finds in the log (P8)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import TextClause, text

from deploy.local.stack import Endpoints
from exchange.evidence_comparison import Finding, Verdict, compare
from exchange.log.chunk_cache import CACHE_BYTES, ChunkCache
from exchange.log.connection import Connection
from exchange.log.reader import Reader
from exchange.sealing import seal_counts
from kernel import audit_check
from kernel.clock import now
from kernel.database import Database
from tests.integration.exchange.delivery.test_what_leaves import send_foreign
from tests.support.callers import ClientApp
from tests.support.terminal import Terminal
from tests.support.world import Sharing, World

FORGED_READS = text(
    "UPDATE exchange.read_count SET evidence = replace(evidence::text, :old, :new)::jsonb"
    " WHERE subscription_id = :subject"
)
FORGED_PUBLISHES = text(
    "UPDATE exchange.publish_count SET evidence = regexp_replace("
    ' evidence::text, \'"digest": "[0-9a-f]+"\', :new)::jsonb WHERE resource_id = :subject'
)


@pytest.fixture(scope="module")
async def reader(endpoints: Endpoints) -> AsyncIterator[Reader]:
    connection = Connection(endpoints.kafka_bootstrap, "auditing test")
    yield Reader(connection, ChunkCache(CACHE_BYTES))
    await connection.close()


def records(first: int, count: int) -> list[dict[str, Any]]:
    return [{"id": f"{number:05d}", "name": "韦某"} for number in range(first, first + count)]


async def sealed(database: Database, *, forging: TextClause | None = None) -> datetime:
    """Seal the counts of all minutes now; `forging` tampers with them before."""
    began = now()
    await asyncio.sleep(2.0)
    async with database.transaction() as session:
        if forging is not None:
            await session.execute(forging)
        while await seal_counts(session, now() + timedelta(minutes=3)):
            pass
    return began


async def found(
    database: Database, reader: Reader, since: datetime, *subjects: str
) -> list[Finding]:
    async with database.snapshot() as session:
        findings = await compare(session, reader, since, None)
        assert (await audit_check.verify(session)).faults == ()
    return [finding for finding in findings if finding.subject_id in subjects]


async def read_all(client: ClientApp, subscription: str, limits: list[int]) -> int:
    """Pull to the end with pages of these sizes in turn; return how many records came."""
    cursor, total, turn = None, 0, 0
    while True:
        page = await client.pull(subscription, cursor, limits[turn % len(limits)])
        total, cursor, turn = total + len(page.records), page.cursor, turn + 1
        if not page.records and not page.lag:
            return total


@pytest.mark.parametrize("partitions", [1, 3])
async def test_evidence_agrees_with_the_log(
    world: World, database: Database, reader: Reader, partitions: int
) -> None:
    sharing = await world.sharing(partitions=partitions)
    await asyncio.gather(
        *(sharing.publisher.publish(sharing.resource, records(n * 50, 50)) for n in range(12))
    )
    passes = [[7, 100], [500], [33]]
    counts = [await read_all(sharing.subscriber, sharing.subscription, each) for each in passes]
    assert counts == [600, 600, 600]
    since = await sealed(database)
    findings = await found(database, reader, since, sharing.resource, sharing.subscription)
    assert {finding.verdict for finding in findings} == {Verdict.AGREES}
    events = {finding.event for finding in findings}
    assert events == {"records.published", "records.read"}


async def event(world: World, subject: str, name: str) -> list[dict[str, Any]]:
    told = await world.auditor.ask("GET", f"/v1/audit?thing={subject}&event={name}")
    return [each["details"] for each in told["items"]]


async def test_an_auditor_sees_ranges_and_digests(world: World, database: Database) -> None:
    sharing = await world.sharing()
    receipt = await sharing.publisher.publish(sharing.resource, records(0, 20))
    await sharing.subscriber.pull(sharing.subscription, limit=12)
    await sealed(database)
    [read] = await event(world, sharing.subscription, "records.read")
    [trail] = read["delivered"]
    assert trail["ranges"] == [[0, 11]]
    assert (trail["partition"], trail["version"], trail["left_out"]) == (0, 1, 0)
    [published] = await event(world, sharing.resource, "records.published")
    assert published["spans"] == [[0, 0, 19, 20]]
    assert published["digest"] == receipt["digest"]


async def test_what_was_tampered_with_before_it_was_sealed_differs_from_the_log(
    world: World, database: Database, reader: Reader
) -> None:
    sharing = await world.sharing()
    await sharing.publisher.publish(sharing.resource, records(0, 20))
    await sharing.subscriber.pull(sharing.subscription, limit=12)
    forging = FORGED_READS.bindparams(subject=sharing.subscription, old="[0, 11]", new="[0, 10]")
    since = await sealed(database, forging=forging)
    [finding] = await found(database, reader, since, sharing.subscription)
    assert finding.verdict is Verdict.DIFFERS
    [finding] = await found(database, reader, since, sharing.resource)
    assert finding.verdict is Verdict.AGREES


async def test_a_batch_that_was_not_counted_is_found_in_the_log(
    world: World, database: Database, reader: Reader
) -> None:
    sharing = await world.sharing()
    for first in (0, 10, 20):
        await sharing.publisher.publish(sharing.resource, records(first, 10))
    digest = (await sharing.publisher.publish(sharing.resource, records(30, 10)))["digest"]
    forging = FORGED_PUBLISHES.bindparams(subject=sharing.resource, new=f'"digest": "{digest}"')
    since = await sealed(database, forging=forging)
    [finding] = await found(database, reader, since, sharing.resource)
    assert finding.verdict is Verdict.DIFFERS


async def test_what_others_wrote_between_is_no_difference(
    world: World, database: Database, reader: Reader, endpoints: Endpoints
) -> None:
    """The comparison died of one record that was none (B5)."""
    sharing = await world.sharing()
    await sharing.publisher.publish(sharing.resource, records(0, 10))
    await send_foreign(endpoints, sharing.resource)
    await sharing.publisher.publish(sharing.resource, records(10, 10))
    assert await read_all(sharing.subscriber, sharing.subscription, [7]) == 20
    since = await sealed(database)
    findings = await found(database, reader, since, sharing.resource, sharing.subscription)
    assert {finding.verdict for finding in findings} == {Verdict.AGREES}


async def test_a_delivery_beyond_the_logs_end_differs(
    world: World, database: Database, reader: Reader
) -> None:
    sharing = await world.sharing()
    await sharing.publisher.publish(sharing.resource, records(0, 20))
    await sharing.subscriber.pull(sharing.subscription)
    forging = FORGED_READS.bindparams(subject=sharing.subscription, old="[0, 19]", new="[0, 99]")
    since = await sealed(database, forging=forging)
    [finding] = await found(database, reader, since, sharing.subscription)
    assert finding.verdict is Verdict.DIFFERS


async def test_publishers_of_one_resource_are_told_apart(
    world: World, database: Database, reader: Reader, sharing: Sharing
) -> None:
    second = await world.client(sharing.provider)
    for first in range(0, 80, 20):
        await sharing.publisher.publish(sharing.resource, records(first, 10))
        await second.publish(sharing.resource, records(first + 10, 10))
    since = await sealed(database)
    findings = await found(database, reader, since, sharing.resource)
    assert {finding.client_id for finding in findings} == {sharing.publisher.id, second.id}
    assert {finding.verdict for finding in findings} == {Verdict.AGREES}


@pytest.fixture
async def sharing(world: World) -> Sharing:
    return await world.sharing()


async def test_the_command_compares_and_says_what_came_of_it(
    world: World, database: Database, settings: dict[str, str], sharing: Sharing
) -> None:
    await sharing.publisher.publish(sharing.resource, records(0, 20))
    await sharing.subscriber.pull(sharing.subscription)
    forging = FORGED_READS.bindparams(subject=sharing.subscription, old="[0, 19]", new="[0, 18]")
    since = await sealed(database, forging=forging)
    terminal = Terminal(settings)
    ran = await terminal.run("audit", "compare", "--since", f"{since:%Y-%m-%dT%H:%M:%S}")
    assert ran.code == 1
    assert sharing.subscription in ran.err
    assert sharing.resource not in ran.err
    assert "agrees" in ran.out
    ran = await terminal.run("audit", "compare", "--since", "2098-01-01")
    assert (ran.code, ran.err) == (0, "")
