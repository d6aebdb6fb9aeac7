"""The migrations make exactly the tables that the models describe, however often they are run."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Connection, Table, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from deploy.local.databases import drop_database
from deploy.local.stack import Endpoints, Stack
from deploy.migrations.models import SCHEMAS, metadata
from kernel.ids import new_id
from tests.support import processes

ROOT = Path(__file__).parents[3]
UPGRADE = (sys.executable, "-m", "deploy.migrations", "upgrade")


@pytest.fixture
async def empty(stack: Stack, endpoints: Endpoints) -> AsyncIterator[Endpoints]:
    """A new database of the application's own user, who is no superuser."""
    name = f"migrated_{new_id()}"
    owner = make_url(endpoints.database_url)
    own = stack.endpoints.database_url == stack.postgres.url
    admin = await asyncpg.connect(stack.postgres.admin_url if own else endpoints.database_url)
    try:
        await admin.execute(f'CREATE DATABASE {name} OWNER "{owner.username}"')
        url = owner.set(database=name).render_as_string(hide_password=False)
        yield Endpoints(url, endpoints.kafka_bootstrap)
        await drop_database(admin, name)
    finally:
        await admin.close()


async def test_models_and_migrated_database_agree(endpoints: Endpoints) -> None:
    assert await _compared(endpoints.database_url) == []


async def test_an_upgrade_may_be_repeated(empty: Endpoints) -> None:
    for _time in range(2):
        code, output = await _upgrade(empty)
        assert code == 0, output
    assert await _compared(empty.database_url) == []


async def test_two_upgrades_at_once_take_turns(empty: Endpoints) -> None:
    both = await asyncio.gather(_upgrade(empty), _upgrade(empty))
    assert [code for code, _output in both] == [0, 0], both
    assert await _compared(empty.database_url) == []
    connection = await asyncpg.connect(empty.database_url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM kernel.alembic_version") == 1
        assert await connection.fetchval("SELECT count(*) FROM kernel.audit_chain") > 0
    finally:
        await connection.close()


async def test_a_table_that_no_migration_made_is_seen(empty: Endpoints) -> None:
    """Keeps the comparison itself honest."""
    await _upgrade(empty)
    connection = await asyncpg.connect(empty.database_url)
    try:
        await connection.execute("CREATE TABLE kernel.stranger (id int PRIMARY KEY)")
        await connection.execute("ALTER TABLE auth.person DROP CONSTRAINT person_separation")
        await connection.execute("DROP INDEX catalog.source_one_active")
    finally:
        await connection.close()
    found = " ".join(map(str, await _compared(empty.database_url)))
    assert "stranger" in found
    assert "person_separation" in found
    assert "source_one_active" in found


async def _upgrade(where: Endpoints) -> tuple[int | None, str]:
    settings = processes.environment(where.database_url, where.kafka_bootstrap)
    process = await asyncio.create_subprocess_exec(
        *UPGRADE,
        cwd=ROOT,
        env=settings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode, output.decode()


async def _compared(database_url: str) -> list[object]:
    url = make_url(database_url).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_differences)
    finally:
        await engine.dispose()


def _differences(connection: Connection) -> list[object]:
    """Return what alembic compares, and the keys and checks that it does not."""
    options = {"include_schemas": True, "include_name": _ours, "compare_type": True}
    options["version_table_schema"] = "kernel"
    context = MigrationContext.configure(connection, opts=options)
    return [*compare_metadata(context, metadata), *_keys_and_checks(connection)]


def _ours(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "schema" or name in SCHEMAS


def _keys_and_checks(connection: Connection) -> Iterable[object]:
    inspector = inspect(connection)
    for table in filter(lambda each: inspector.has_table(*_named(each)), metadata.tables.values()):
        key = inspector.get_pk_constraint(*_named(table))["constrained_columns"]
        if key != [column.name for column in table.primary_key]:
            yield (table.fullname, "primary key", key)
        checks = {check["name"] for check in inspector.get_check_constraints(*_named(table))}
        modelled = {c.name for c in table.constraints if isinstance(c, CheckConstraint)}
        if checks != modelled:
            yield (table.fullname, "checks", checks ^ modelled)


def _named(table: Table) -> tuple[str, str | None]:
    return table.name, table.schema
