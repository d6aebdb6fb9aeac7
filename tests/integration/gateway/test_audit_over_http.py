"""`GET /v1/audit`: whom it is shown to, by what it is found, and that pages lose nothing."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kernel import audit
from kernel.actor import Actor
from kernel.database import Database
from kernel.ids import new_id
from tests.support.problems import problem
from tests.support.world import ClientApp, World

Json = dict[str, Any]


async def write(database: Database, count: int, subject: str, **details: object) -> None:
    """Append events in as many transactions, so that several chains get some."""
    for number in range(count):
        async with database.transaction() as session:
            actor = Actor("person", f"p-{subject}", "department")
            audit.record(session, actor, "test.done", "test", subject, number=number, **details)


async def everything(world: World, limit: int, **filters: str) -> list[Json]:
    found: list[Json] = []
    cursor: str | None = None
    while True:
        params = {"limit": limit, **filters, **({"cursor": cursor} if cursor else {})}
        page = await world.auditor.ask("GET", "/v1/audit", params=params)
        found += page["items"]
        assert len(page["items"]) <= limit
        cursor = page["next_cursor"]
        if cursor is None:
            return found


@pytest.mark.parametrize("limit", [1, 3, 7, 200])
async def test_pages_show_every_event_once_and_in_the_order_of_time(
    world: World, database: Database, limit: int
) -> None:
    subject = new_id()
    await write(database, 7, subject)
    found = await everything(world, limit, thing=subject)
    assert [event["details"]["number"] for event in found] == list(range(7))
    assert len({(event["chain"], event["seq"]) for event in found}) == 7
    for event in found:
        assert len(event["hash"]) == len(event["previous_hash"]) == 64


async def test_a_late_commit_comes_after_the_end_that_was_read(
    world: World, database: Database
) -> None:
    """Pages went by time: what a slow transaction recorded lay behind the cursor for ever (E1)."""
    subject, who = new_id(), Actor("person", "p-late", "department")
    async with database.transaction() as slow:
        audit.record(slow, who, "test.done", "test", subject, number="late")
        await write(database, 2, subject)
        first = await world.auditor.ask("GET", "/v1/audit", params={"thing": subject})
        assert [event["details"]["number"] for event in first["items"]] == [0, 1]
        assert first["next_cursor"] is None
    params = {"thing": subject, "cursor": first["resume_cursor"]}
    then = await world.auditor.ask("GET", "/v1/audit", params=params)
    assert [event["details"]["number"] for event in then["items"]] == ["late"]
    params["cursor"] = then["resume_cursor"]
    assert (await world.auditor.ask("GET", "/v1/audit", params=params))["items"] == []


async def test_it_is_found_by_actor_thing_event_and_time(world: World, database: Database) -> None:
    subject = new_id()
    began = datetime.now(UTC)
    await write(database, 2, subject)
    ended = datetime.now(UTC)
    moments = {"since": began.isoformat(), "until": ended.isoformat()}
    for filters in (
        {"actor": f"p-{subject}"},
        {"thing": subject},
        {"thing": subject, "event": "test.done"},
        {"thing": subject, **moments},
    ):
        assert len(await everything(world, 50, **filters)) == 2, filters
    for filters in (
        {"thing": subject, "event": "test.undone"},
        {"thing": subject, "since": ended.isoformat()},
        {"thing": subject, "until": began.isoformat()},
        {"thing": subject, "actor": "somebody"},
        {"thing": subject[:-1]},
        {"thing": "%"},
    ):
        assert await everything(world, 50, **filters) == [], filters


async def test_a_request_that_changes_something_is_found_with_its_correlation_id(
    world: World,
) -> None:
    headers = {"Exchange-Correlation-Id": new_id()}
    client = await world.client(await world.department())
    answer = await world.security.post(f"/v1/clients/{client.id}/suspend", headers=headers)
    assert answer.status_code == 200, answer.text
    [event] = [
        event
        for event in await everything(world, 200, thing=client.id)
        if event["correlation_id"] == headers["Exchange-Correlation-Id"]
    ]
    assert event["event"] == "client.suspended"


async def test_only_auditors_read_it(world: World, system: ClientApp) -> None:
    for who in (world.operator, world.security, world.authority, world.head, world.clerk):
        problem(await who.get("/v1/audit"), 403, "role_required")
    problem(await system.get("/v1/audit"), 403, "insufficient_scope")
    problem(await world.http.get("/v1/audit"), 401, "token_missing")


def forged(mark: str) -> str:
    return base64.urlsafe_b64encode(mark.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "mark",
    [
        "x",
        "1",
        "0 0 0 0 0 0 0",
        "0 0 0 0 0 0 0 0 0",
        "0 0 0 0 0 0 0 x",
        "0 0 0 0 0 0 0 -1",
        "0 0 0 0 0 0 0 ²",
        "0 0 0 0 0 0 0 9223372036854775808",
        "0 0 0 0 0 0 0 99999999999999999999999999",
        "2026-01-01T00:00:00+00:00 0 1",
    ],
)
async def test_a_forged_place_is_refused(world: World, mark: str) -> None:
    answer = await world.auditor.get("/v1/audit", params={"cursor": forged(mark)})
    problem(answer, 400, "invalid_cursor")


@pytest.mark.parametrize("name", ["since", "until"])
@pytest.mark.parametrize(
    "moment",
    [
        "yesterday",
        "2026-02-30T00:00:00Z",
        "2026-01-01T00:00:00",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "9" * 30,
        "",
    ],
)
async def test_a_moment_needs_an_offset_and_a_place_in_time(
    world: World, name: str, moment: str
) -> None:
    answer = await world.auditor.get("/v1/audit", params={name: moment})
    problem(answer, 400, "invalid_parameter")


async def test_details_come_back_as_they_were_written(world: World, database: Database) -> None:
    subject = new_id()
    details = {
        "text": "数源 \U0001f600 \"'\\",
        "list": [1, None, True],
        "nested": {"a": {"b": "c"}},
    }
    await write(database, 1, subject, **details)
    [event] = await everything(world, 50, thing=subject)
    assert {**details, "number": 0} == event["details"]
    assert datetime.fromisoformat(event["at"]) > datetime.now(UTC) - timedelta(minutes=5)
    assert json.dumps(event)
