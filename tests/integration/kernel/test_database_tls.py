"""TLS towards PostgreSQL: one reading of the settings for every connection (I3).

`?sslmode=` in the URL was a TypeError of the pool, `?ssl=` left the platform not ready for ever,
and only PGSSLMODE worked, which no page told.
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from sqlalchemy import text

from deploy.local.stack import Endpoints
from deploy.migrations.run import upgrade
from kernel.changes import ChangeFeed
from kernel.database import Database, raw_connection
from kernel.database_access import DatabaseAccess
from kernel.settings import Settings
from kernel.starting import UNFIT, look
from kernel.tasks import Loops
from tests.support.certificates import Authority
from tests.support.eventually import eventually
from tests.support.processes import ROOT, free_port
from tests.support.secured_postgres import ending_tls, system_server, tls_server

ENCRYPTED = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def front(endpoints: Endpoints, authority: Authority) -> AsyncIterator[str]:
    async with ending_tls(endpoints.database_url, *authority.issue("front")) as url:
        yield url


def access(url: str, **options: object) -> DatabaseAccess:
    return DatabaseAccess.of(Settings.model_validate({"database_url": url, **options}))


async def test_pool_listener_and_migrations_come_by_tls(front: str, authority: Authority) -> None:
    reached = access(front, database_tls="verify-full", database_tls_ca_file=authority.file)
    assert await look(reached) == []
    database, feed, loops = (
        Database(reached, pool_size=2),
        ChangeFeed(reached, stale_seconds=5),
        Loops(),
    )
    async with database.reading() as session:
        assert (await session.execute(text("SELECT 1"))).scalar_one() == 1
    loops.start("changes", feed.run)
    await eventually(lambda: feed.fresh)
    connection = await raw_connection(reached)
    connection.terminate()
    await loops.close()
    await database.close()


async def test_migrations_come_by_tls(front: str, authority: Authority) -> None:
    reached = access(front, database_tls="verify-ca", database_tls_ca_file=authority.file)
    await asyncio.to_thread(upgrade, reached)


async def test_without_a_name_to_check_it_is_encrypted_at_least(front: str) -> None:
    assert await look(access(front, database_tls="require")) == []


@pytest.mark.parametrize("wrong", ["authority", "host", "clear", "no TLS"])
async def test_what_keeps_it_from_the_database_is_named_at_the_start(
    endpoints: Endpoints, authority: Authority, tmp_path: Path, wrong: str
) -> None:
    hosts = [x509.DNSName("db.example")] if wrong == "host" else None
    files = authority.issue("front", hosts) if hosts else authority.issue("front")
    trusted = Authority(tmp_path / "other").file if wrong == "authority" else authority.file
    full = {"database_tls": "verify-full", "database_tls_ca_file": trusted}
    async with ending_tls(endpoints.database_url, *files) as front:
        cases = {
            "authority": (front, full, "SHUYUAN_DATABASE_TLS_CA_FILE"),
            "host": (front, full, "host of SHUYUAN_DATABASE_URL"),
            "clear": (front, {}, "no encryption"),
            "no TLS": (endpoints.database_url, full, "it speaks no TLS (SHUYUAN_DATABASE_TLS)"),
        }
        url, options, named = cases[wrong]
        [told] = await look(access(url, **options))
        assert named in told


@pytest.mark.parametrize("program", [("gateway", "serve"), ("exchange", "worker")])
async def test_a_program_that_the_database_refuses_ends_and_says_why(
    front: str, settings: dict[str, str], program: tuple[str, str], tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other")
    wrong = {
        "SHUYUAN_DATABASE_URL": front,
        "SHUYUAN_DATABASE_TLS": "verify-full",
        "SHUYUAN_DATABASE_TLS_CA_FILE": str(other.file),
        # The session's own gateway may hold the other one.
        "SHUYUAN_PORT": str(free_port()),
    }
    ended = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", *program],
        cwd=ROOT,
        env={**settings, **wrong},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == UNFIT
    assert "SHUYUAN_DATABASE_TLS_CA_FILE" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
async def test_a_server_that_wants_a_certificate_of_ours_gets_it(
    authority: Authority, tmp_path: Path
) -> None:
    programs = system_server()
    if programs is None:
        pytest.skip("no PostgreSQL with TLS on this machine")
    own, key = authority.issue("platform")
    options = {"database_tls": "verify-full", "database_tls_ca_file": authority.file}
    with tls_server(
        programs, tmp_path / "server", authority.issue("server"), authority.file
    ) as url:
        reached = access(url, **options, database_tls_cert_file=own, database_tls_key_file=key)
        assert await look(reached) == []
        connection = await raw_connection(reached)
        assert await connection.fetchval(ENCRYPTED)
        connection.terminate()
        [nothing_shown] = await look(access(url, **options))
        assert "SHUYUAN_DATABASE_TLS, …_CERT_FILE" in nothing_shown
        [in_clear] = await look(access(url))
        assert "SHUYUAN_DATABASE_TLS" in in_clear
