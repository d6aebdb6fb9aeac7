"""Violations are counted once and remedied by orders (督办, Order 809 Art 38–41)."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from exchange.applications.clockwork import mark_breaches
from exchange.disposals.disposal_clock import mark_undisposed
from kernel.clock import now
from kernel.database import Database
from kernel.workdays import local_date
from tests.support.callers import Caller
from tests.support.world import Department, World

Json = dict[str, Any]


@pytest.fixture(scope="module")
async def late(world: World, database: Database) -> tuple[Department, str]:
    """A department that did not answer an application in time, and the application."""
    provider, consumer = await asyncio.gather(world.department(), world.department())
    resource, client = await asyncio.gather(world.resource(provider), world.client(consumer))
    application = await world.application(resource, consumer, client)
    await consumer.head.ask("POST", f"/v1/applications/{application}/sign")
    await past(database, "application", "due_at", application)
    for _ in range(2):
        async with database.transaction() as session:
            await mark_breaches(session, now())
    return provider, application


async def past(database: Database, table: str, column: str, row_id: str) -> None:
    """Let a moment of a thing lie sixty days back."""
    statement = text(f"UPDATE exchange.{table} SET {column} = :at WHERE id = :id")  # noqa: S608
    async with database.transaction() as session:
        await session.execute(statement, {"at": now() - timedelta(days=60), "id": row_id})


async def counted(who: Caller, type_: str) -> Json:
    told = await who.ask("GET", "/v1/stats/violations")
    return next(row for row in told["items"] if row["type"] == type_)


async def code(who: Caller, path: str, body: Json | None = None) -> tuple[int, str]:
    answer = await who.post(path, body)
    return answer.status_code, answer.json().get("code", "")


async def tasks(who: Caller) -> dict[str, str]:
    told = await who.ask("GET", "/v1/me/tasks?limit=200")
    return {each["thing"]: each["kind"] for each in told["items"]}


async def test_a_missed_day_is_one_violation_however_often_it_is_looked_at(
    world: World, late: tuple[Department, str]
) -> None:
    provider, application = late
    row = await counted(provider.head, "reply_late")
    assert (row["article"], row["count"]) == (39, 1)
    [case] = row["cases"]
    assert (case["thing"], case["thing_id"], case["department_name"]) == (
        "application", application, provider.name,
    )  # fmt: skip
    assert case["due_on"] is not None
    assert (await counted(world.authority, "reply_late"))["count"] >= 1
    assert (await provider.clerk.get("/v1/stats/violations")).status_code == 403
    other = await world.department("450200", authority=True)
    assert (await counted(other.authority, "reply_late"))["count"] == 0
    told = await provider.head.ask("GET", "/v1/stats/violations?article=40")
    assert {each["article"] for each in told["items"]} == {40}
    assert (await provider.head.get("/v1/stats/violations?article=38")).status_code == 400


async def test_an_order_is_answered_opened_again_and_closed(
    world: World, late: tuple[Department, str]
) -> None:
    provider, _ = late
    [case] = (await counted(provider.head, "reply_late"))["cases"]
    day = local_date(now()) + timedelta(days=10)
    body = {
        "department": provider.uscc,
        "violations": [case["id"], "conditions_added"],
        "text": "限期答复，并取消自行增设的条件",
        "due_on": str(day),
    }
    assert await code(provider.head, "/v1/orders", body) == (403, "role_required")
    issued = await world.authority.ask("POST", "/v1/orders", body)
    assert (issued["status"], issued["overdue"]) == ("open", False)
    assert {each["type"] for each in issued["violations"]} == {"reply_late", "conditions_added"}
    path = f"/v1/orders/{issued['id']}"
    assert (await tasks(provider.head))[issued["id"]] == "order.answer"
    assert (await counted(provider.head, "conditions_added"))["count"] == 1
    [case] = (await counted(provider.head, "reply_late"))["cases"]
    assert case["order_id"] == issued["id"]

    assert await code(world.authority, f"{path}/answer", {"text": "好"}) == (403, "role_required")
    await provider.head.ask("POST", f"{path}/answer", {"text": "已整改"})
    assert await code(provider.head, f"{path}/answer", {"text": "好"}) == (
        409, "illegal_transition",
    )  # fmt: skip
    assert (await tasks(world.authority))[issued["id"]] == "order.close"
    again = {"reason": "未说明原因", "due_on": str(day + timedelta(days=5))}
    opened = await world.authority.ask("POST", f"{path}/reopen", again)
    assert (opened["status"], opened["due_on"]) == ("open", again["due_on"])
    await provider.head.ask("POST", f"{path}/answer", {"text": "已整改，附说明"})
    answers = await asyncio.gather(*(code(world.authority, f"{path}/close", {}) for _ in range(4)))
    assert sorted(status for status, _code in answers) == [200, 409, 409, 409]
    detail = await provider.clerk.ask("GET", path)
    assert [step["action"] for step in detail["history"]] == [
        "issue", "answer", "reopen", "answer", "close",
    ]  # fmt: skip
    told = await provider.clerk.ask("GET", "/v1/events?types=order.issued,order.closed&wait=10")
    assert {each["thing"] for each in told["items"]} == {issued["id"]}


async def test_only_an_authority_over_the_department_orders_it(
    world: World, late: tuple[Department, str], database: Database
) -> None:
    provider, _ = late
    [case] = (await counted(provider.head, "reply_late"))["cases"]
    other, city = await asyncio.gather(
        world.department(), world.department("450200", authority=True)
    )
    day = str(local_date(now()))
    body = {"violations": ["passed_on"], "text": "整改", "due_on": day}
    above = await code(city.authority, "/v1/orders", {**body, "department": provider.uscc})
    assert above == (403, "not_your_department")
    itself = {**body, "department": world.authority_department}
    assert await code(world.authority, "/v1/orders", itself) == (409, "conflict")
    wrong = {
        **body,
        "department": other.uscc,
        "violations": [case["id"], "x"],
        "due_on": "2020-01-01",
    }
    answer = await world.authority.post("/v1/orders", wrong)
    assert {error["path"] for error in answer.json()["errors"]} == {
        "violations[0]", "violations[1]", "due_on",
    }  # fmt: skip
    order = await world.order(other)
    async with database.transaction() as session:
        await session.execute(
            text("UPDATE exchange.supervision_order SET due_on = '2020-01-01' WHERE id = :id"),
            {"id": order},
        )
    listed = await other.head.ask("GET", "/v1/orders?overdue=true")
    assert [(each["id"], each["overdue"]) for each in listed["items"]] == [(order, True)]
    assert (await city.authority.get(f"/v1/orders/{order}")).status_code == 404


async def test_what_is_not_disposed_of_in_time_is_a_violation_once(
    world: World, database: Database
) -> None:
    sharing = await world.sharing()
    await sharing.consumer.head.ask(
        "POST", f"/v1/subscriptions/{sharing.subscription}/terminate", {"reason": "不再需要"}
    )
    await past(database, "subscription", "ended_at", sharing.subscription)
    for _ in range(2):
        async with database.transaction() as session:
            await mark_undisposed(session, now(), days=20)
    row = await counted(sharing.consumer.head, "not_disposed")
    assert [case["thing_id"] for case in row["cases"]] == [sharing.subscription]
    paged = await sharing.consumer.head.ask(
        "GET", "/v1/stats/violations/cases?type=not_disposed&limit=1"
    )
    assert [case["id"] for case in paged["items"]] == [row["cases"][0]["id"]]
