"""运行 · 体检: the same findings by page, API and command; readable whatever hangs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from gateway.app import create
from gateway.diagnosis import needs
from gateway.diagnosis.findings import Verdict
from kernel import findings
from kernel import settings as kernel_settings
from kernel.clock import now
from kernel.database import Database
from kernel.ids import new_id
from tests.support.browsing import Page, browsing
from tests.support.eventually import eventually
from tests.support.pooler import hanging
from tests.support.world import World

ADDRESS = "/console/status/doctor"
AREAS = {"settings", "database", "broker", "files", "mail", "disk", "certificates", "clock"}


@asynccontextmanager
async def silent() -> AsyncIterator[str]:
    """Yield the address of a broker that takes every call and answers none."""
    ended = asyncio.Event()

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        try:
            yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            ended.set()


async def test_operators_see_what_was_looked_at_and_what_to_do(world: World) -> None:
    async def complete() -> bool:
        # A process that starts has not compared its clock yet; one look serves for ten seconds.
        told = await world.operator.ask("GET", "/v1/status/findings")
        return {each["area"] for each in told["findings"]} >= AREAS | {"processes", "work"}

    await eventually(complete, within_seconds=60)
    told = await world.operator.ask("GET", "/v1/status/findings")
    by_part = {(each["area"], each["part"]): each for each in told["findings"]}
    assert by_part["database", "PostgreSQL"]["verdict"] == "good"
    assert by_part["database", "数据库结构与主密钥"]["verdict"] == "good"
    assert by_part["mail", "邮件服务器"]["told"] == "未启用"
    wrong = [each for each in told["findings"] if each["verdict"] != "good"]
    assert all(each["remedy"] and each["since"] for each in wrong)
    async with browsing(world.base_url, world.operator) as operator:
        assert ADDRESS in (await operator.open("/console/status")).links
        page = await operator.open(ADDRESS)
        assert "数据库结构与主密钥" in page.text
        assert "python -m gateway check" in page.text
    async with browsing(world.base_url, world.auditor) as auditor:
        assert (await auditor.open(ADDRESS)).status == 403
    assert (await world.security.get("/v1/status/findings")).status_code == 403


async def test_the_page_is_readable_while_database_and_broker_hang(
    world: World, settings: dict[str, str]
) -> None:
    """Who looks after the platform looks at it most when it is not well."""
    async with (
        hanging(settings["SHUYUAN_DATABASE_URL"]) as (url, answering),
        silent() as kafka,
        browsing(world.base_url, world.operator) as operator,
    ):
        own = {**settings, "SHUYUAN_DATABASE_URL": url, "SHUYUAN_KAFKA_BOOTSTRAP": kafka}
        app = create(kernel_settings.of(own))
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(
                transport=transport, base_url=world.base_url, cookies=operator.http.cookies,
                headers={"Accept": "text/html"},
            ) as http:  # fmt: skip

                async def opens() -> bool:
                    return (await http.get("/console")).status_code == 200

                await eventually(opens, within_seconds=30)
                answering.clear()
                try:
                    page = Page(await http.get(ADDRESS))
                    refused = await http.get("/console/status")
                finally:
                    answering.set()
    assert page.status == 200
    assert "未在 6 秒内应答" in page.text
    assert "SHUYUAN_DATABASE_URL" in page.text
    assert "SHUYUAN_KAFKA_BOOTSTRAP" in page.text
    assert refused.status_code == 503, "nobody is believed elsewhere"


async def test_needs_that_hang_are_told_in_time_beside_those_that_answer(
    settings: dict[str, str],
) -> None:
    async with silent() as kafka:
        own = kernel_settings.of({**settings, "SHUYUAN_KAFKA_BOOTSTRAP": kafka})
        found = await needs.look(own, 3.0)
    wrong = {each.area: each for each in found if each.verdict is Verdict.BAD}
    assert set(wrong) == {"broker"}
    assert wrong[needs.BROKER.area].away
    assert [each.verdict for each in found if each.area == "database"] == [Verdict.GOOD] * 2


async def test_since_when_is_the_same_for_all_until_it_is_over(database: Database) -> None:
    place, first, later = new_id(), now(), now()
    async with database.transaction() as session:
        assert await findings.remember(session, place, ["a", "b"], first) == {
            "a": first, "b": first,
        }  # fmt: skip
    async with database.transaction() as session:
        assert await findings.remember(session, place, ["b", "c"], later) == {
            "b": first, "c": later,
        }  # fmt: skip
    async with database.transaction() as session:
        assert await findings.remember(session, place, [], later) == {}
