"""《政务数据共享条例》第三十八条至第四十一条: what is measured, and what each side answers for."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from exchange.applications.clockwork import mark_breaches
from exchange.usage.clockwork import mark_unrecorded
from exchange.violations.types import RULES
from kernel.clock import now
from kernel.database import Database
from kernel.workdays import local_date
from tests.support.callers import Caller
from tests.support.world import Department, Sharing, World

Json = dict[str, Any]
PAST = now() - timedelta(days=60)


@pytest.fixture(scope="module")
async def sharing(world: World) -> Sharing:
    return await world.sharing()


async def counts(who: Caller, article: int) -> dict[str, int]:
    told = await who.ask("GET", f"/v1/stats/violations?article={article}")
    return {each["type"]: each["count"] for each in told["items"]}


async def ordered(world: World, department: Department, what: str) -> str:
    """督办: the authority has it remedied by a day, and closes the order."""
    order = f"/v1/orders/{await world.order(department, what)}"
    await department.head.ask("POST", f"{order}/answer", {"text": "已整改"})
    closed = await world.authority.ask("POST", f"{order}/close")
    return str(closed["status"])


async def set_back(database: Database, statement: str, row_id: str) -> None:
    async with database.transaction() as session:
        await session.execute(text(statement), {"at": PAST, "id": row_id})


async def test_article_38_supply_and_use_are_measured_with_the_cases_behind(
    world: World, sharing: Sharing
) -> None:
    """The provider's timeliness and quality, the consumer's use; each figure from its cases."""
    told = await sharing.provider.head.ask("GET", "/v1/stats/indicators")
    figures = {each["id"]: each for each in told["items"]}
    assert len(figures) == 9
    assert all(each["formula"] for each in figures.values())
    path = "/v1/stats/indicators/cases?indicator=mounted"
    cases = (await sharing.provider.head.ask("GET", path))["items"]
    assert figures["mounted"]["denominator"] == len(cases) == 1
    assert figures["answered_timely"]["denominator"] in (0, 1)
    assert (await sharing.provider.clerk.get("/v1/stats/indicators")).status_code == 403
    assert (await world.authority.get("/v1/stats/flows")).status_code == 200


async def test_article_39_who_provides_answers_for_what_is_late_refused_or_stopped(
    world: World, database: Database, sharing: Sharing
) -> None:
    """A missed day is one violation, and no consent; what has no clock the authority finds."""
    provider, consumer = sharing.provider, sharing.consumer
    assert set(await counts(provider.head, 39)) == _types(39)
    application = await world.application(sharing.resource, consumer, sharing.subscriber)
    path = f"/v1/applications/{application}"
    await consumer.head.ask("POST", f"{path}/sign")
    await set_back(
        database, "UPDATE exchange.application SET due_at = :at WHERE id = :id", application
    )
    for _ in range(2):
        async with database.transaction() as session:
            await mark_breaches(session, now())
    assert (await counts(provider.head, 39))["reply_late"] == 1
    shown = await consumer.head.ask("GET", path)
    assert (shown["status"], shown["breached"]) == ("submitted", True)
    assert await ordered(world, provider, "conditions_added") == "closed"
    assert (await counts(provider.head, 39))["conditions_added"] == 1


async def test_article_40_who_uses_answers_for_scope_records_and_disposal(
    world: World, database: Database, sharing: Sharing
) -> None:
    consumer = sharing.consumer
    assert set(await counts(consumer.head, 40)) == _types(40)
    await set_back(
        database,
        "UPDATE exchange.subscription SET delivered_at = :at,"
        " usage_due_on = (CAST(:at AS timestamptz))::date WHERE id = :id",
        sharing.subscription,
    )
    for _ in range(2):
        async with database.transaction() as session:
            await mark_unrecorded(session, now())
    assert (await counts(consumer.head, 40))["use_not_recorded"] == 1
    [task] = [
        each
        for each in (await consumer.head.ask("GET", "/v1/me/tasks?limit=200"))["items"]
        if each["kind"] == "subscription.record-use"
    ]
    assert (task["thing"], task["overdue"]) == (sharing.subscription, True)
    today = str(local_date(now()))
    use = dict.fromkeys(("scenario", "process", "effect", "storage"), "窗口核验")
    path = f"/v1/subscriptions/{sharing.subscription}/usage-records"
    await consumer.head.ask("POST", path, {"period": [today, today], **use})
    assert await ordered(world, consumer, "passed_on") == "closed"
    assert (await counts(consumer.head, 40))["passed_on"] == 1


async def test_article_41_an_authority_answers_to_the_one_above_it(world: World) -> None:
    city = await world.department("450300", authority=True)
    assert set(await counts(city.authority, 41)) == _types(41)
    assert await ordered(world, city, "dispute_not_handled") == "closed"
    assert (await counts(world.authority, 41))["dispute_not_handled"] >= 1
    body = {
        "department": world.authority_department,
        "violations": ["dispute_not_handled"],
        "text": "请整改",
        "due_on": str(local_date(now()) + timedelta(days=30)),
    }
    # It neither orders itself, nor is it ordered from below.
    assert (await world.authority.post("/v1/orders", body)).status_code == 409
    assert (await city.authority.post("/v1/orders", body)).status_code == 403


def _types(article: int) -> set[str]:
    return {str(type_) for type_, rule in RULES.items() if rule.article == article}
