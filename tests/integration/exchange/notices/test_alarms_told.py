"""Who is on duty is told of an alarm once, by mail, and nobody else reads of it.

An alarm waited in its list until somebody happened to look there.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import pytest

from auth import bootstrap, departments
from auth.departments import NewDepartment
from auth.events import AuthEvent
from auth.principal import Principal, Role, Scope
from deploy.local.stack import Endpoints
from exchange.alarms import register
from exchange.alarms.register import Criteria
from exchange.alarms.telling import tell_new
from exchange.events import ExchangeEvent
from exchange.feed import gathering, reading
from exchange.notices import wishes
from exchange.notices.notifier import Notifier
from exchange.notices.wishes import Wanted
from kernel import audit
from kernel import settings as kernel_settings
from kernel.actor import SYSTEM, Actor
from kernel.clock import now
from kernel.database import Database
from kernel.identifiers import make_uscc
from kernel.master_key import open_box
from kernel.paging import PageRequest
from kernel.preconditions import Precondition
from kernel.secretbox import Secretbox
from kernel.settings import Settings
from tests.support.databases import own_database
from tests.support.eventually import eventually
from tests.support.mailing import MailServer, mail_server

GUARD, OTHER = "11450000MB0000019D", make_uscc("1", "1", "450100", "00756541")
CLIENT = Actor("client", "client-somebody", OTHER)


@pytest.fixture
async def database(endpoints: Endpoints) -> AsyncIterator[Database]:
    async with own_database(endpoints.database_url, pool_size=6) as opened:
        first = await bootstrap.first_people(GUARD)
        lasting = [replace(new, temporary=False) for _, new in first]
        guards = NewDepartment(GUARD, "自治区大数据发展局", "450000", authority=True)
        async with opened.transaction() as session:
            await bootstrap.bootstrap(session, guards, lasting, now=now())
        new = NewDepartment(OTHER, "南宁市民政局", "450100", authority=False)
        async with opened.transaction() as session:
            await departments.register(session, somebody(GUARD, Role.OPERATOR), new, now=now())
        yield opened


def somebody(uscc: str, role: Role) -> Principal:
    region = "450000" if uscc == GUARD else "450100"
    return Principal(
        "person", f"{role} of {uscc}", uscc, region, uscc == GUARD, frozenset({role}),
        frozenset(Scope), "token", 0.0,
    )  # fmt: skip


async def opened_box(database: Database, settings: Settings) -> Secretbox:
    async with database.transaction() as session:
        return await open_box(session, settings)


async def wish(database: Database, settings: Settings, uscc: str, *addresses: str) -> None:
    box = await opened_box(database, settings)
    async with database.transaction() as session:
        await wishes.put(
            session, somebody(uscc, Role.HEAD), uscc, Precondition(is_given=False),
            Wanted(addresses, None, wishes.IMMEDIATE), box=box, now=now(),
        )  # fmt: skip


async def happen(database: Database) -> None:
    """Guessing by a client, and a restore of the platform's database."""
    async with database.transaction() as session:
        event = ExchangeEvent.GUESSING_SUSPECTED
        audit.record(session, CLIENT, event, "subscription", "a" * 32, alarms=1)
    async with database.transaction() as session:
        audit.record(session, SYSTEM, ExchangeEvent.PLATFORM_RESTORED, "platform", "1")
        # As often as somebody mistypes a password.
        audit.record(session, CLIENT, AuthEvent.TOKEN_REFUSED, "client", "c", failures=1)


async def told(database: Database) -> int:
    async with database.transaction() as session:
        count = await tell_new(session, now())
    async with database.transaction() as session:
        await gathering.gather(session, now())
    return count


@asynccontextmanager
async def notifying(database: Database, settings: Settings) -> AsyncIterator[None]:
    box = partial(opened_box, database, settings)
    task = asyncio.create_task(Notifier(settings, database).run(box))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def lines(server: MailServer, receiver: str) -> Sequence[str]:
    texts = [
        mail.get_content()
        for mail, receivers in zip(server.mails, server.receivers, strict=True)
        if receiver in receivers
    ]
    return [line for text in texts for line in text.splitlines() if "alarm" in line]


async def read(database: Database, who: Principal) -> Sequence[str]:
    async with database.reading() as session:
        page = await reading.read(session, who, after=None, types=None, limit=200)
    return [event.payload["kind"] for event in page.items if event.type == "alarm.raised"]


async def test_those_on_duty_are_told_of_an_alarm_once(
    database: Database, settings: Mapping[str, str]
) -> None:
    async with mail_server() as server:
        smtp = {
            "SHUYUAN_SMTP_HOST": "127.0.0.1", "SHUYUAN_SMTP_PORT": str(server.port),
            "SHUYUAN_SMTP_TLS": "none", "SHUYUAN_SMTP_FROM": "no-reply@x.example",
        }  # fmt: skip
        ours = kernel_settings.of({**settings, **smtp})
        await happen(database)
        assert await told(database) == 2
        # What happened before somebody wished to hear of it is told to nobody.
        await wish(database, ours, GUARD, "duty@x.example")
        await wish(database, ours, OTHER, "office@y.example")
        await happen(database)
        assert sorted(await asyncio.gather(told(database), told(database))) == [0, 2]
        async with notifying(database, ours):
            await eventually(lambda: len(server.taken) == 2)
        assert await told(database) == 0
    guards, office = lines(server, "duty@x.example"), lines(server, "office@y.example")
    assert ["疑似猜测核验值" in line for line in guards] == [True, False]
    assert "平台从备份恢复 / alarm: the platform was restored from a backup" in guards[1]
    (line,) = office
    assert "安全告警：疑似猜测核验值 / alarm: values seem to be guessed by verifying" in line
    async with database.reading() as session:
        alarms = await register.page(
            session, somebody(GUARD, Role.SECURITY), PageRequest(10), Criteria()
        )
    assert {each.id for each in alarms.items} >= {line.split("(")[1].rstrip(")")}


async def test_an_alarm_is_read_by_those_who_guard_alone(database: Database) -> None:
    """A colleague of a suspect does not learn from the department's events what was noticed."""
    await happen(database)
    await told(database)
    assert await read(database, somebody(GUARD, Role.SECURITY)) == ["guessing", "database_restored"]
    assert await read(database, somebody(OTHER, Role.AUDITOR)) == ["guessing"]
    for who in (somebody(GUARD, Role.CLERK), somebody(OTHER, Role.HEAD)):
        assert await read(database, who) == []
