"""The migrations make exactly the tables that the models describe, however often they are run."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterable
from functools import partial
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, Connection, Table, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from deploy.local.databases import drop_database
from deploy.local.stack import Endpoints, Stack
from deploy.migrations.models import metadata, ours
from deploy.migrations.run import config, upgrade
from kernel.ids import new_id
from tests.support import processes

ROOT = Path(__file__).parents[3]
UPGRADE = (sys.executable, "-m", "deploy.migrations", "upgrade")

# A little of everything that later migrations change, as release 0.1.0 left it.
DATA = """
INSERT INTO auth.department (uscc, name, region_code, authority, standing_consent, status,
    revision, created_at) VALUES ('d1', '某局', '450000', false, false, 'active', 1, now());
INSERT INTO auth.client (client_id, name, department, scopes, auth_method, secret_digest, status,
    generation, revision, created_at)
    VALUES ('c1', '系统', 'd1', '{}', 'client_secret_basic', 'x', 'active', 1, 1, now());
INSERT INTO catalog.resource (id, department, region_code, status, version, revision, created_by,
    created_at, updated_at) VALUES ('r1', 'd1', '450000', 'published', 1, 1, 'p1', now(), now());
INSERT INTO exchange.application (id, consumer_department, provider_department, region_code,
    resource_id, resource_version, client_id, items, mode, basis, scenario, scope, valid_until,
    row_filter, commitment, status, revision, created_by, created_at, extended_days,
    supplement_used)
    VALUES ('a1', 'd1', 'd1', '450000', 'r1', 1, 'c1', '[]', 'pull', 'x', 'x', 'x', '2099-01-01',
    '[]', true, 'agreed', 1, 'p1', now(), 0, false);
INSERT INTO exchange.subscription (id, application_id, resource_id, resource_version, client_id,
    consumer_department, provider_department, region_code, items, masks, unmasked, row_filter,
    mode, valid_until, status, deliver_by, created_at, revision)
    VALUES ('s1', 'a1', 'r1', 1, 'c1', 'd1', 'd1', '450000', '[]', '{}', '[]', '[]', 'pull',
    '2099-01-01', 'active', now(), now(), 1);
INSERT INTO exchange.publish_count (resource_id, client_id, minute, department, batches, records,
    bytes, sealed) VALUES ('r1', 'c1', now(), 'd1', 1, 1, 1, true);
INSERT INTO exchange.read_count (subscription_id, client_id, minute, department, pages, records,
    bytes, sealed) VALUES ('s1', 'c1', now(), 'd1', 1, 1, 1, true);
INSERT INTO kernel.audit_event (chain, seq, at, event, actor_kind, actor_id, subject_type,
    subject_id, details, previous_hash, hash)
    VALUES (0, 1, now(), 'test.done', 'person', 'p1', 'test', 't1', '{}', 'x', 'y');
"""


# Two items were granted and a third is only filtered on; the version has one more.
GRANTED = """
INSERT INTO catalog.resource_version (resource_id, number, state, name, abstract, class_code,
    region_code, format, update_cycle, share_type, share_modes, open_type, grade, items, reviews,
    partitions, search_text, created_at)
    VALUES ('r1', 1, 'published', 'n', 'a', '1', '450000', 1, 'daily', 'unconditional', '[]',
    'none', 1, '[{"name": "id", "element": "DE-1"}, {"name": "name", "element": "DE-2"},
        {"name": "region", "element": "DE-3"}, {"name": "else", "element": "DE-4"}]', '{}', 1, '',
    now());
UPDATE exchange.subscription SET items = '["id", "name"]',
    row_filter = '[{"item": "region", "op": "eq", "value": "45"}]';
"""

WORD_INDEXES = """
SELECT c.relname, c.reloptions AS options FROM pg_class c
JOIN pg_am a ON a.oid = c.relam JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE a.amname = 'gin' AND n.nspname NOT LIKE 'pg_%'
"""


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


async def test_no_index_of_words_has_a_list_that_every_question_reads(
    endpoints: Endpoints,
) -> None:
    """Of an import of 10,000 elements half the time went into such a list (ADR 0039)."""
    connection = await asyncpg.connect(endpoints.database_url)
    try:
        rows = await connection.fetch(WORD_INDEXES)
    finally:
        await connection.close()
    assert {tuple(row["options"] or ()) for row in rows} == {("fastupdate=off",)}, rows


async def test_an_upgrade_may_be_repeated(empty: Endpoints) -> None:
    for told in ("项迁移", "已是最新"):
        code, output = await _upgrade(empty)
        assert (code, told in output) == (0, True), output
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


async def test_a_released_database_with_data_is_upgraded_and_migrations_are_taken_back(
    empty: Endpoints,
) -> None:
    """Neither way was tried around data (I16); the archive of the audit log (0019) has no back."""
    take_back = partial(command.downgrade, config(empty.database_url))
    await asyncio.to_thread(upgrade, empty.database_url, "0018")
    await asyncio.to_thread(take_back, "0007")
    connection = await asyncpg.connect(empty.database_url)
    try:
        await connection.execute(DATA)
        await _expect_data(empty, connection)
        await asyncio.to_thread(take_back, "0019")
        await _expect_data(empty, connection)
    finally:
        await connection.close()
    assert await _compared(empty.database_url) == []


async def _expect_data(where: Endpoints, connection: asyncpg.Connection) -> None:
    """Upgrade to the newest release, and look for what DATA holds."""
    code, output = await _upgrade(where)
    assert code == 0, output
    live = await connection.fetchval("SELECT resource_id FROM exchange.live_resource")
    assert live == "r1"
    for table in ("exchange.subscription", "kernel.audit_event", "exchange.read_count"):
        assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 1  # noqa: S608


async def test_grants_of_an_older_release_hold_the_elements_of_their_items(
    empty: Endpoints,
) -> None:
    """Migration 0013 had never met a grant."""
    await asyncio.to_thread(upgrade, empty.database_url, "0007")
    connection = await asyncpg.connect(empty.database_url)
    try:
        await connection.execute(DATA)
        await connection.execute(GRANTED)
        await asyncio.to_thread(upgrade, empty.database_url, "0013")
        elements = await connection.fetchval("SELECT elements FROM exchange.subscription")
        assert json.loads(elements) == {"id": "DE-1", "name": "DE-2", "region": "DE-3"}
    finally:
        await connection.close()


async def test_what_a_migration_has_built_stays_when_the_next_one_gives_way(
    empty: Endpoints,
) -> None:
    """All migrations were one transaction: one lock not had took every other back (I16)."""
    await asyncio.to_thread(upgrade, empty.database_url, "0008")
    holder = await asyncpg.connect(empty.database_url)
    try:
        held = holder.transaction()
        await held.start()
        await holder.execute("LOCK TABLE exchange.application IN ACCESS EXCLUSIVE MODE")
        code, _output = await _upgrade(empty)
        assert code != 0
        await held.rollback()
        [version] = await holder.fetch("SELECT version_num FROM kernel.alembic_version")
        assert version["version_num"] >= "0009"
        code, output = await _upgrade(empty)
        assert code == 0, output
    finally:
        await holder.close()


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
    output, _ = await asyncio.wait_for(process.communicate(), 240)
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
    options = {"include_schemas": True, "include_name": ours, "compare_type": True}
    options["version_table_schema"] = "kernel"
    context = MigrationContext.configure(connection, opts=options)
    return [*compare_metadata(context, metadata), *_keys_and_checks(connection)]


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
