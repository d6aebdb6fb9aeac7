"""Alembic's entry: one chain of migrations over the tables of every package."""

import asyncio
from typing import Any

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from deploy.migrations.models import metadata, ours
from kernel import locks
from kernel.database import ENGINE
from kernel.database_access import access

# A migration that cannot get its lock gives way to the traffic instead of stopping it.
LOCK_TIMEOUT = "5s"


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        include_schemas=True,
        include_name=ours,
        version_table_schema="kernel",
        compare_type=True,
        # Each its own: what one has built stays when the next one has to give way, and a migration
        # may leave its transaction to build an index concurrently.
        transaction_per_migration=True,
        on_version_apply=_note,
    )
    with context.begin_transaction():
        context.run_migrations()


def _note(*_facts: Any, **_named: Any) -> None:  # noqa: ANN401 - alembic's own
    """Count a migration for who asked for the upgrade."""
    context.config.attributes.get("applied", []).append(True)


async def _run() -> None:
    reached = access(context.config.attributes["database"])
    engine = create_async_engine(ENGINE, async_creator=reached.connect, poolclass=NullPool)
    async with engine.connect() as connection:
        await locks.hold_for_connection(connection, locks.Lock.MIGRATION)
        await connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        await connection.execute(text("CREATE SCHEMA IF NOT EXISTS kernel"))
        await connection.commit()
        await connection.run_sync(_migrate)
        await connection.commit()
    await engine.dispose()


asyncio.run(_run())
