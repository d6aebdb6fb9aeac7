"""`shuyuan bootstrap`, `audit verify` and `keys rotate` on a database of their own."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from deploy.local.databases import drop_database
from deploy.local.stack import Endpoints
from deploy.migrations.run import upgrade
from kernel.ids import new_id
from tests.support.processes import ROOT
from tests.support.terminal import Ran, Terminal

FIRST = ("bootstrap", "--uscc", "11450000MB0000019D", "--name", "广西壮族自治区大数据发展局")


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture(scope="module")
async def url(endpoints: Endpoints) -> AsyncIterator[str]:
    """A migrated database that no other test writes to."""
    name = f"cli_{new_id()}"
    async with connected(endpoints.database_url) as server:
        await server.execute(f"CREATE DATABASE {name}")
        own = urlunsplit(urlsplit(endpoints.database_url)._replace(path=f"/{name}"))
        try:
            await asyncio.to_thread(upgrade, own)
            yield own
        finally:
            await drop_database(server, name)


@pytest.fixture(scope="module")
def terminal(url: str, settings: dict[str, str]) -> Terminal:
    return Terminal({**settings, "SHUYUAN_DATABASE_URL": url})


@pytest.fixture(scope="module")
async def first(terminal: Terminal) -> list[str]:
    """The lines that bootstrap printed."""
    ran = await terminal.run(*FIRST)
    assert ran.code == 0, ran.err
    return ran.lines


async def test_bootstrap_refuses_a_wrong_credit_code(terminal: Terminal) -> None:
    """It once said that something was wrong, and not what (H11)."""
    ran = await terminal.run("bootstrap", "--uscc", "11450000MB0000019X", "--name", "某部门")
    assert ran.code == 1
    assert "uscc" in ran.err
    assert "Traceback" not in ran.err


async def test_bootstrap_makes_the_first_two_people_once(
    first: list[str], terminal: Terminal, url: str
) -> None:
    people = dict(line.split("\t") for line in first[1:])
    assert set(people) == {"security", "operator"}
    assert all(len(password) >= 20 for password in people.values())
    again = await terminal.run(*FIRST)
    assert again.code == 1
    assert again.out == ""
    assert len(again.err.splitlines()) == 1
    async with connected(url) as database:
        assert await database.fetchval("SELECT count(*) FROM auth.person") == 2


async def test_national_standards_come_with_the_platform_and_only_once(
    first: list[str], terminal: Terminal, url: str
) -> None:
    assert first
    count = "SELECT (SELECT count(*) FROM catalog.code_item), (SELECT max(seq) FROM %s)"
    async with connected(url) as database:
        before = await database.fetchrow(count % "kernel.audit_event")
        ran = await terminal.run("load-standards")
        assert (ran.code, ran.err) == (0, "")
        assert await database.fetchrow(count % "kernel.audit_event") == before
        found = "SELECT name FROM catalog.code_item WHERE code_list = 'GB/T 3304' AND value = '08'"
        assert await database.fetchval(found) == "壮族"


@pytest.mark.usefixtures("first")
async def test_a_rotated_key_takes_the_place_of_the_first(terminal: Terminal, url: str) -> None:
    for words in (("keys", "rotate"), ("keys", "rotate", "--at-once")):
        ran = await terminal.run(*words)
        assert ran.code == 0, ran.err
    async with connected(url) as database:
        lasting = "SELECT count(*) FROM auth.signing_key WHERE retires_at IS NULL"
        assert await database.fetchval(lasting) == 1


@pytest.mark.usefixtures("first")
async def test_an_audit_log_verifies_until_a_row_is_changed(terminal: Terminal, url: str) -> None:
    whole = await terminal.run("audit", "verify")
    assert whole.code == 0, whole.err
    assert "审计链完整" in whole.out
    async with connected(url) as database:
        await database.execute("ALTER TABLE kernel.audit_event DISABLE TRIGGER USER")
        await database.execute(
            "UPDATE kernel.audit_event SET actor_id = 'x' WHERE chain = 0 AND seq = 2"
        )
        broken = await terminal.run("audit", "verify")
        await database.execute("DELETE FROM kernel.audit_event WHERE chain = 0 AND seq = 1")
        shorter = await terminal.run("audit", "verify")
    assert broken.code == shorter.code == 1
    assert "审计链 0 第 2 个事件：写入后被改动" in broken.err
    assert "审计链 0 第 1 个事件：缺少一个事件" in shorter.err


async def test_a_database_that_does_not_answer_is_named_with_a_remedy(terminal: Terminal) -> None:
    nowhere = {**terminal.settings, "SHUYUAN_DATABASE_URL": "postgresql://127.0.0.1:9/none"}
    ran = await Terminal(nowhere).run("audit", "verify")
    assert ran.code == 3
    assert "SHUYUAN_DATABASE_URL" in ran.err
    assert len(ran.err.splitlines()) == 1


async def checked(terminal: Terminal) -> Ran:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", "check",
        env=terminal.environment(), cwd=ROOT,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 120)
    return Ran(process.returncode or 0, out.decode(), err.decode())


async def test_what_the_platform_needs_is_looked_at_one_by_one(terminal: Terminal) -> None:
    well = await checked(terminal)
    faults = [line for line in well.out.splitlines() if line.startswith("✗")]
    # Other tests leave topics on the broker that are wrong on purpose.
    assert faults in ([], ["✗ Kafka"]), well.out
    assert (well.code, well.err) == (len(faults), "")
    assert well.out.count("✓") >= 6
    assert not faults or "LogAppendTime" in well.out
    settings = {
        "SHUYUAN_DATABASE_URL": ("postgresql://127.0.0.1:9/none", "SHUYUAN_DATABASE_URL", 3),
        "SHUYUAN_KAFKA_BOOTSTRAP": ("127.0.0.1:9", "SHUYUAN_KAFKA_BOOTSTRAP", 3),
        "SHUYUAN_MASTER_KEY": ("short", "SHUYUAN_MASTER_KEY", 1),
        "SHUYUAN_REPLICATION_FACTOR": ("5", "SHUYUAN_REPLICATION_FACTOR", 1),
        "SHUYUAN_SMTP_PORT": ("many", "SHUYUAN_SMTP_PORT", 1),
    }
    for name, (value, told, code) in settings.items():
        changed = Terminal({**terminal.settings, name: value})
        ran = await checked(changed)
        assert (ran.code, told in ran.out) == (code, True), (name, ran.out, ran.err)
        assert "Traceback" not in ran.err
        assert "→" in ran.out
