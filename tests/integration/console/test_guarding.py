"""安全, 审计: alarms acknowledged once, and the audit log verified from its page."""

import re
import tomllib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib import import_module

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlmodel import col, select

from auth import bootstrap, failures
from auth.departments import NewDepartment
from auth.principal import Principal, Role, Scope
from auth.source import Source
from deploy.local.stack import Endpoints
from exchange.alarms import register
from exchange.alarms.kinds import condition
from exchange.alarms.register import Criteria
from gateway.app import create
from gateway.services import Services
from kernel import audit_verification, jobs
from kernel import settings as kernel_settings
from kernel.actor import Actor
from kernel.clock import now
from kernel.database import Database
from kernel.errors import NotFound
from kernel.jobs import Run
from kernel.paging import PageRequest
from kernel.tables import AuditRow
from tests.support.browsing import Browser, Page
from tests.support.databases import connected, new_database
from tests.support.processes import ROOT
from tests.support.world import World

ALARMS, VERIFICATIONS = "/console/alarms", "/console/audit/verifications"
USCC, PASSWORD = "11450000MB0000019D", "桂花 十里香 not easily guessed 7"
CLIENT = Actor("client", "client-somebody", USCC)


@dataclass
class Own:
    """A platform within the test, whose log may be harmed."""

    app: FastAPI
    base_url: str
    url: str
    known: dict[str, str]

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    @asynccontextmanager
    async def browser(self, username: str) -> AsyncIterator[Browser]:
        transport = httpx.ASGITransport(app=self.app)
        headers = {"Accept": "text/html", "Accept-Language": "zh-CN"}
        async with httpx.AsyncClient(
            transport=transport, base_url=self.base_url, headers=headers, follow_redirects=True
        ) as http:
            browser = Browser(http)
            filled = {"username": username, "password": self.known[username]}
            page = await browser.send(await browser.open("/console"), "/oauth/authorize", **filled)
            assert page.path == "/console", page.text
            yield browser


@pytest.fixture(scope="module")
async def own(endpoints: Endpoints, settings: Mapping[str, str]) -> AsyncIterator[Own]:
    async with new_database(endpoints.database_url) as url:
        first = await bootstrap.first_people(USCC)
        lasting = [replace(new, temporary=False) for _, new in first]
        database = Database(url, pool_size=2)
        async with database.transaction() as session:
            department = NewDepartment(USCC, "自治区大数据发展局", "450000", authority=True)
            await bootstrap.bootstrap(session, department, lasting, now=now())
        await database.close()
        mine = {**settings, "SHUYUAN_DATABASE_URL": url}
        app = create(kernel_settings.of(mine))
        async with app.router.lifespan_context(app):
            known = {shown.username: shown.password for shown, _ in first}
            platform = Own(app, mine["SHUYUAN_BASE_URL"], url, known)
            await register_auditor(platform)
            yield platform


async def register_auditor(own: Own) -> None:
    filled = {
        "username": "auditor", "name": "审计员", "department": USCC, "roles": ["auditor"],
        "password": PASSWORD,
    }  # fmt: skip
    async with own.browser("security") as security:
        page = await security.open("/console/people/new")
        made = await security.send(page, "/console/people/new", **filled)
        assert "人员已登记" in made.text, made.text
    own.known["auditor"] = PASSWORD


async def refused(own: Own, actor: Actor, times: int) -> None:
    for _ in range(times):
        await failures.tell_refusal(
            own.services.database, actor, Source("10.2.3.4"), "invalid_client", "secret", now()
        )


async def test_an_alarm_is_seen_and_acknowledged_once(own: Own) -> None:
    await refused(own, CLIENT, 4)
    async with own.browser("security") as security:
        assert "未确认的告警" not in (await security.open("/console")).text
        assert "没有符合条件的" in (await security.open(ALARMS, only="open")).text
        await refused(own, CLIENT, 1)
        assert "未确认的告警：1" in (await security.open("/console")).text
        page = await security.open(ALARMS, only="open")
        assert "没有设置通知方式" in page.text
        assert "client-somebody" in page.text
        [link] = [each for each in page.links if re.fullmatch(rf"{ALARMS}/\d-\d+", each)]
        assert link not in (await security.open(ALARMS, kind="guessing")).links
        assert link not in (await security.open(ALARMS, subject_id="other")).links
        alarm = await security.open(link)
        assert "10.2.3.4" in alarm.text
        assert (await security.send(alarm, "/acknowledge", note="")).status == 422
        done = await security.send(alarm, "/acknowledge", note="<b>已核对</b>，为巡检脚本")
        assert "已确认，并记入审计" in done.text
        again = await security.send(alarm, "/acknowledge", note="再次")
        assert again.status == 409
        assert link not in (await security.open(ALARMS, only="open")).links
    async with own.browser("auditor") as auditor:
        seen = await auditor.open(link)
        assert "<b>已核对</b>，为巡检脚本" in seen.text
        assert "<b>" not in seen.answer.text
        assert not [form for form in seen.forms if form.action.endswith("/acknowledge")]
        log = await auditor.open("/console/audit", event="alarm.acknowledged")
        assert log.text.count("告警已确认") == 1
        assert (await auditor.open(f"{ALARMS}/9-1")).status == 404
    async with own.browser("operator") as operator:
        assert (await operator.open(ALARMS)).status == 403


async def test_alarms_are_listed_by_pages_the_newest_first(own: Own) -> None:
    for number in range(55):
        await refused(own, Actor("client", f"many-{number:02}", USCC), 5)
    async with own.browser("security") as security:
        page = await security.open(ALARMS, kind="wrong_secrets")
        following = next(link for link in page.links if "cursor=" in link)
        listed = re.findall(r"many-\d\d", page.text + (await security.open(following)).text)
        # Who acted, and on what: the same client stands there twice.
        assert listed[::2] == [f"many-{number:02}" for number in reversed(range(55))]
        assert (await security.open(ALARMS, cursor="OS05")).status == 400


async def test_who_guards_a_city_sees_alarms_of_its_departments_alone(own: Own) -> None:
    await refused(own, Actor("client", "of-the-region", USCC), 5)
    city = Principal(
        kind="person", id="p", department="11450100MB0000000X", region_code="450100",
        is_authority=False, roles=frozenset({Role.SECURITY}), scopes=frozenset({Scope.ADMIN}),
        token_id="t", expires_at=0.0,
    )  # fmt: skip
    region = replace(city, region_code="450000")
    async with own.services.database.reading() as session:
        seen = await register.page(session, region, PageRequest(), Criteria())
        assert "of-the-region" in {alarm.row.actor_id for alarm in seen.items}
        hidden = await register.page(session, city, PageRequest(), Criteria())
        assert list(hidden.items) == []
        assert await register.count_open(session, city, 10) == 0
        with pytest.raises(NotFound):
            await register.find(session, city, seen.items[0].id)


async def test_a_list_of_alarms_reads_no_other_events(own: Own) -> None:
    newest = (col(AuditRow.at).desc(), col(AuditRow.chain).desc(), col(AuditRow.seq).desc())
    query = str(select(AuditRow).where(text(condition())).order_by(*newest))
    parts = (
        "SELECT inhrelid::regclass::text FROM pg_inherits"
        " WHERE inhparent = 'kernel.audit_event_alarm'::regclass"
    )
    async with own.services.database.transaction() as session:
        for way in ("seqscan", "bitmapscan", "sort"):
            await session.execute(text(f"SET LOCAL enable_{way} = off"))
        plan = " ".join((await session.execute(text(f"EXPLAIN {query}"))).scalars())
        indexes = [name.split(".")[-1] for name in (await session.execute(text(parts))).scalars()]
    assert indexes
    assert all(name in plan for name in indexes), plan
    assert "Sort  (cost" not in plan, plan


async def run_job(own: Own) -> None:
    """Do what a worker does of the verification."""
    using = own.services
    async with using.database.transaction() as session:
        row = await jobs.claim(session, [audit_verification.KIND])
    assert row is not None
    run = Run(row, using.database, using.blobs, using.box, using.settings)
    await audit_verification.verify(run)


async def verified(own: Own, auditor: Browser) -> Page:
    page = await auditor.open(VERIFICATIONS)
    assert "正在核验" in (await auditor.send(page, VERIFICATIONS)).text
    await run_job(own)
    return await auditor.open(VERIFICATIONS)


async def test_an_auditor_verifies_the_log_and_a_planted_change_is_named(own: Own) -> None:
    async with own.browser("auditor") as auditor:
        page = await auditor.open(VERIFICATIONS)
        assert "尚未核验过" in page.text
        whole = await verified(own, auditor)
        assert "审计链完整" in whole.text
        # A second auditor who asks meanwhile follows the same one.
        await auditor.send(whole, VERIFICATIONS)
        await auditor.send(whole, VERIFICATIONS)
        async with connected(own.url) as database:
            waiting = "SELECT count(*) FROM kernel.job WHERE ended_at IS NULL"
            assert await database.fetchval(waiting) == 1
            await database.execute("ALTER TABLE kernel.audit_event DISABLE TRIGGER USER")
            chain, seq = await database.fetchrow(
                "UPDATE kernel.audit_event SET actor_id = 'nobody' WHERE (chain, seq) = (SELECT"
                " chain, seq FROM kernel.audit_event ORDER BY seq, chain LIMIT 1)"
                " RETURNING chain, seq"
            )
        await run_job(own)
        broken = await auditor.open(VERIFICATIONS)
        assert f"审计链 {chain} 第 {seq} 个事件：写入后被改动" in broken.text
        assert "请保留现场" in broken.text
        assert "审计链不完整" in (await auditor.open(ALARMS, kind="audit_broken")).text
    async with own.browser("security") as security:
        assert (await security.open(VERIFICATIONS)).status == 403


async def test_who_reads_alarms_and_verifications_by_the_api(world: World) -> None:
    assert "items" in await world.security.ask("GET", "/v1/alarms?acknowledged=false")
    assert "items" in await world.auditor.ask("GET", "/v1/alarms?kind=token_reused")
    assert (await world.operator.get("/v1/alarms")).status_code == 403
    assert (await world.security.get("/v1/alarms/0-999999999")).status_code == 404
    assert (await world.auditor.get("/v1/alarms?kind=nonsense")).status_code in (400, 422)
    answer = await world.auditor.post("/v1/alarms/0-1/acknowledge", json={"note": "x"})
    assert answer.status_code == 403
    assert "items" in await world.auditor.ask("GET", "/v1/audit/verifications")
    assert (await world.security.get("/v1/audit/verifications")).status_code == 403
    assert (await world.operator.post("/v1/audit/verifications")).status_code == 403


def test_workers_know_what_to_do_of_a_verification() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    module, _, name = project["entry-points"]["shuyuan.jobs"][audit_verification.KIND].partition(
        ":"
    )
    assert getattr(import_module(module), name) is audit_verification.verify
