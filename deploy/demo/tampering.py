"""The audit log: verified as it is, then as a copy in which one row was changed."""

import asyncio
import io
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable
from sqlmodel import SQLModel

from deploy.demo.proof import require
from deploy.demo.scratch import scratch
from kernel import audit_check
from kernel.database import Database
from kernel.database_access import DatabaseAccess
from kernel.settings import of
from kernel.tables import SCHEMA, AuditChain, AuditRow
from shuyuan_client.failures import Failure

DATABASE_URL = "SHUYUAN_DATABASE_URL"
COPY_NAME = "shuyuan_demo_audit_copy"
TABLES: tuple[type[SQLModel], ...] = (AuditChain, AuditRow)
LONGEST_CHAIN = "SELECT chain FROM kernel.audit_chain ORDER BY seq DESC LIMIT 1"
CHANGE_MIDDLE = """
    UPDATE kernel.audit_event SET actor_id = 'somebody-else'
    WHERE chain = $1
      AND seq = (SELECT (max(seq) + 1) / 2 FROM kernel.audit_event WHERE chain = $1)
    RETURNING seq
"""
COMMAND_SECONDS = 120
LACKING = Failure(
    "篡改演示需要临时数据库，而当前账号无权建库；请授予 CREATEDB 后重试。",
    "Showing a changed copy needs a scratch database: grant CREATEDB, then retry.",
)


@dataclass(frozen=True, slots=True)
class Verified:
    """What `shuyuan audit verify` said about the log and about the changed copy."""

    log: str
    copy: str


def verify_and_tamper(environment: Mapping[str, str]) -> Verified:
    """Prove that the log verifies, and that one changed row in a copy of it is found."""
    return asyncio.run(_verify_and_tamper(environment))


async def _verify_and_tamper(environment: Mapping[str, str]) -> Verified:
    log, copy = await asyncio.gather(
        asyncio.to_thread(_verify, environment, whole=True), _tamper(environment)
    )
    return Verified(log, copy)


async def _tamper(environment: Mapping[str, str]) -> str:
    """Change one event in a copy; return what the command says of it, which names the place."""
    original = DatabaseAccess.of(of(environment))
    async with scratch(original, COPY_NAME, LACKING) as (place, copy, live):
        await _fill(live, copy)
        await _require_whole(place)
        chain, seq = await _change_one(copy)
        of_copy = {**environment, DATABASE_URL: place.url}
        said = await asyncio.to_thread(_verify, of_copy, whole=False)
    require(
        f"审计链 {chain} 第 {seq} 个事件" in said,
        f"校验没有指出被改动的第 {chain} 链第 {seq} 个事件：{said}",
        f"the verdict does not name chain {chain}, event {seq}: {said}",
    )
    return said


async def _require_whole(place: DatabaseAccess) -> None:
    """Prove that copying alone has broken nothing."""
    database = Database(place, pool_size=2)
    try:
        async with database.snapshot() as session:
            verdict = await audit_check.verify(session)
    finally:
        await database.close()
    require(not verdict.faults, "审计日志的副本不完整", "the copy of the audit log is not whole")


def _verify(environment: Mapping[str, str], *, whole: bool) -> str:
    """Run the command; ProofFailed unless the log is as whole as it should be."""
    ran = subprocess.run(
        (sys.executable, "-m", "shuyuan_client", "audit", "verify"),
        env={**os.environ, **environment, "SHUYUAN_LANG": "zh"},
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    said = (ran.stdout or ran.stderr).strip()
    require(
        ran.returncode == (0 if whole else 1),
        f"审计校验应{'通过' if whole else '不通过'}：{said}",
        f"the audit log should {'verify' if whole else 'not verify'}: {said}",
    )
    return said.lstrip("✓✗ ")


async def _fill(live: asyncpg.Connection, copy: asyncpg.Connection) -> None:
    """Copy chains and events as of one moment, without the trigger that refuses changes."""
    await copy.execute(f"CREATE SCHEMA {SCHEMA}")
    async with live.transaction(isolation="repeatable_read", readonly=True):
        for table in TABLES:
            name = str(table.__tablename__)
            model = SQLModel.metadata.tables[f"{SCHEMA}.{name}"]
            ddl = CreateTable(model)
            dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
            await copy.execute(str(ddl.compile(dialect=dialect)))
            rows = io.BytesIO()
            columns = model.columns.keys()
            # The log lies in partitions: only a query copies all of them.
            query = f"SELECT {', '.join(columns)} FROM {SCHEMA}.{name}"  # noqa: S608 - of the model
            await live.copy_from_query(query, output=rows)
            rows.seek(0)
            await copy.copy_to_table(name, schema_name=SCHEMA, columns=columns, source=rows)


async def _change_one(copy: asyncpg.Connection) -> tuple[int, int]:
    """Put another person's name on one event in the middle of the longest chain."""
    chain: int = await copy.fetchval(LONGEST_CHAIN)
    seq: int = await copy.fetchval(CHANGE_MIDDLE, chain)
    return chain, seq
