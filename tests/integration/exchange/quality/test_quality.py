"""Quality of a resource: declared by its department, measured by the worker, read by anybody."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from exchange.metering import count_store
from exchange.metering.tables import ReadCount
from exchange.quality import measure, store
from kernel import clock
from kernel.actor import Actor
from kernel.database import Database
from kernel.refusals import Refusal, Refusals
from kernel.workdays import local_date
from tests.support.callers import ClientApp
from tests.support.eventually import eventually
from tests.support.world import Department, World

Json = dict[str, Any]
RULES: list[Json] = [
    {"id": "filled", "dimension": "完整", "kind": "complete", "items": ["name", "amount"]},
    {
        "id": "positive", "dimension": "准确", "kind": "compare", "items": ["amount"],
        "op": "gt", "threshold": 0,
    },
]  # fmt: skip
RECORDS: list[Json] = [
    {"id": "1", "name": "甲", "amount": 5},
    {"id": "2", "name": "乙", "amount": -1},
    {"id": "3", "name": "丙"},
    {"id": "4", "name": "丁", "amount": 7},
]


@dataclass(frozen=True)
class Register:
    provider: Department
    other: Department
    publisher: ClientApp
    resource: str

    @property
    def path(self) -> str:
        return f"/v1/resources/{self.resource}"


@pytest.fixture(scope="module")
async def register(world: World) -> Register:
    provider, other = await asyncio.gather(world.department(), world.department())
    publisher, resource = await asyncio.gather(world.client(provider), world.resource(provider))
    await publisher.publish(resource, RECORDS)
    return Register(provider, other, publisher, resource)


async def measured(register: Register, rule: str, who: Any = None) -> Json | None:  # noqa: ANN401
    told: Json = await (who or register.provider.clerk).ask("GET", f"{register.path}/quality")
    return next((each for each in told["items"] if each["rule"] == rule), None)


async def turn(database: Database) -> None:
    """Let a worker take one turn."""
    async with database.transaction() as session:
        await measure.measure_declared(session, clock.now())


async def arrived(database: Database, resource: str, records: int) -> None:
    """Wait until the gateway has told how much was published."""

    async def told() -> bool:
        async with database.reading() as session:
            totals = await count_store.published_totals(session, [resource])
        return resource in totals and totals[resource][0] == records

    await eventually(told)


def due_again() -> datetime:
    """When what a worker may have counted this minute is counted again."""
    return clock.now() + store.COUNTED_AGAIN + timedelta(minutes=1)


async def test_declared_rules_are_measured_on_the_latest_state(
    database: Database, register: Register
) -> None:
    """Whoever measures first, each record counts once; keys are told to the provider alone."""

    async def folded() -> bool:
        records = await register.provider.clerk.get(f"{register.path}/records")
        return records.status_code == 200 and len(records.json()["items"]) == len(RECORDS)

    await eventually(folded)
    path = f"{register.path}/quality-rules"
    written: Json = await register.provider.clerk.ask("PUT", path, RULES)
    assert written["revision"] == 1

    async def done() -> bool:
        await turn(database)
        found = await measured(register, "filled")
        return found is not None and found["checked"] == len(RECORDS)

    await eventually(done, within_seconds=10)
    filled, positive = await measured(register, "filled"), await measured(register, "positive")
    assert filled is not None
    assert positive is not None
    assert (filled["checked"], filled["failed"], filled["sample_keys"]) == (4, 1, ["3"])
    assert (positive["checked"], positive["failed"], positive["sample_keys"]) == (3, 1, ["2"])
    theirs = await measured(register, "positive", register.other.clerk)
    assert theirs == {name: v for name, v in positive.items() if name != "sample_keys"}
    shown: Json = await register.other.clerk.ask("GET", register.path)
    by_dimension = {each["dimension"]: each for each in shown["quality"]}
    assert by_dimension["准确"] == {"dimension": "准确", "checked": 3, "failed": 1}


async def test_what_is_refused_counts_against_conformity(
    database: Database, register: Register
) -> None:
    faulty = {"id": "5", "name": "戊", "amount": "many"}
    params = {"on_invalid": "quarantine"}
    path = f"{register.path}/records"
    answer = await register.publisher.post(path, [RECORDS[0], faulty], params=params)
    assert answer.json()["rejected"] == 1
    await arrived(database, register.resource, len(RECORDS) + 1)
    async with database.transaction() as session:
        await store.count_arrivals(session, local_date(clock.now()), due_again(), 200)
    found = await measured(register, "contract")
    assert found is not None
    assert (found["checked"], found["failed"]) == (6, 1)


async def test_a_cycle_that_is_kept_is_told_day_by_day(
    database: Database, world: World, register: Register
) -> None:
    """A day looked at is not looked at again: the next day is asked of a resource of today."""
    silent = await world.resource(register.provider)
    tomorrow = clock.now() + timedelta(days=1, hours=1)
    found = measure.FULL
    while found >= measure.FULL:
        async with database.transaction() as session:
            found = await measure.look_at_timeliness(session, tomorrow)
    for resource, failed in ((register.resource, 0), (silent, 1)):
        day = local_date(tomorrow).isoformat()
        async with database.reading() as session:
            rows = await store.measured(
                session, resource, local_date(tomorrow), local_date(tomorrow)
            )
        told = [(row.day.isoformat(), row.checked, row.failed) for row in rows]
        assert told == [(day, 1, failed)]


async def test_rules_are_changed_by_who_has_read_them(world: World, register: Register) -> None:
    resource = await world.resource(register.provider)
    path = f"/v1/resources/{resource}/quality-rules"
    clerk = register.provider.clerk
    assert (await clerk.put(path, RULES)).headers["ETag"] == '"1"'
    assert (await clerk.put(path, RULES[:1])).status_code == 428
    outcomes = await asyncio.gather(
        *(clerk.put(path, RULES[:1], headers={"If-Match": '"1"'}) for _ in range(5))
    )
    assert sorted(each.status_code for each in outcomes) == [200, 412, 412, 412, 412]
    refused = await clerk.put(
        path, [{**RULES[0], "items": ["unknown"]}], headers={"If-Match": '"2"'}
    )
    assert refused.status_code == 422
    assert [(e["path"], e["code"]) for e in refused.json()["errors"]] == [
        ("[0].items", "not_found")
    ]


async def test_others_declare_nothing(world: World, register: Register) -> None:
    path = f"{register.path}/quality-rules"
    answer = await register.other.clerk.put(path, RULES)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_your_department")
    answer = await register.provider.head.put(path, RULES)
    assert (answer.status_code, answer.json()["code"]) == (403, "role_required")
    drafted = await world.resource(register.provider, publish=False)
    assert (await register.other.clerk.get(f"/v1/resources/{drafted}/quality")).status_code == 404


async def test_reads_that_could_not_be_answered_count_against_accessibility(
    database: Database, world: World
) -> None:
    """What the caller may not do is no failure; a day on which nobody read has no line."""
    sharing = await world.sharing()
    path = f"/v1/resources/{sharing.resource}/quality"
    rule = {"id": "hours", "dimension": "可访问", "kind": "answered", "threshold": 0.9}
    await sharing.provider.clerk.ask("PUT", f"{path}-rules", [rule])
    told: Json = await sharing.provider.clerk.ask("GET", path)
    assert told["items"] == []
    await sharing.publisher.publish(sharing.resource, [{"id": "1", "name": "壹"}])
    await sharing.subscriber.pull_all(sharing.subscription)
    refusals = Refusals(database)
    for way, status, code in (
        ("records", 503, "unavailable"),
        ("call/list", 502, "service_failed"),
        ("query", 409, "state_incomplete"),
        ("records", 429, "quota_exhausted"),
        ("renew", 503, "unavailable"),
    ):
        refused = f"/v1/subscriptions/{sharing.subscription}/{way}"
        refusals.note(_refusal(sharing.subscriber.id, refused, status, code))
    await refusals.flush()

    async def pulled() -> bool:
        query = select(ReadCount.pages).where(ReadCount.subscription_id == sharing.subscription)
        async with database.reading() as session:
            return sum((await session.exec(query)).all()) > 0

    await eventually(pulled)
    async with database.transaction() as session:
        await store.count_reads(session, local_date(clock.now()), due_again(), 200)
    told = await sharing.consumer.clerk.ask("GET", path)
    found: dict[str, Json] = {each["rule"]: each for each in told["items"]}
    assert found["reads"]["checked"] > found["reads"]["failed"]
    assert (found["reads"]["dimension"], found["reads"]["failed"]) == ("可访问", 3)
    assert found["hours"]["dimension"] == "可访问"
    assert found["hours"]["failed"] >= 1


def _refusal(client_id: str, path: str, status: int, code: str) -> Refusal:
    return Refusal(
        at=clock.now(),
        correlation_id="test",
        actor=Actor("client", client_id),
        region_code="450000",
        method="GET",
        path=path,
        code=code,
        status=status,
        facts={},
        source=None,
    )
