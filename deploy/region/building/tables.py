"""Tables of the consumers' own: the client package's agent lands every use by table in one.

A database beside the platform's stands for theirs; a system has a schema of its own in it.
"""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

import asyncpg
import msgspec
from sqlalchemy.engine import make_url

from deploy.demo.stage import Json
from deploy.local.files import write_private
from deploy.region.building.stage import Stage
from deploy.region.region import Item, Pair
from kernel.database_access import DatabaseAccess
from kernel.settings import of
from shuyuan_client.agent.config import Config, DatabaseSettings, Exchange, Pull
from shuyuan_client.agent.databases import Database, connect
from shuyuan_client.agent.running import run
from shuyuan_client.failures import Failure

NAME = "shuyuan_region_departments"
EXCHANGE_KEY = "exchange_key"
TIMEOUT_SECONDS = 30
JOB_NAME_CHARACTERS, AGENT_NAME_CHARACTERS = 40, 30
# PostgreSQL cuts longer names off.
NAME_CHARACTERS = 63


@dataclass(frozen=True, slots=True)
class Tables:
    """The departments' database; passwords are files of a private folder."""

    settings: DatabaseSettings
    folder: Path
    making: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def beside(cls, environment: Mapping[str, str], folder: Path, name: str = NAME) -> Self:
        """The database of this name on the server of the platform, made unless it is there."""
        settings = of(environment)
        access = DatabaseAccess.of(settings)
        asyncio.run(_make(access, name))
        url, password = make_url(access.url), None
        if url.password is not None:
            path = folder / "database.password"
            write_private(path, str(url.password))
            password = f"file:{path}"
        authority = settings.database_tls_ca_file
        tls: Literal["off", "require", "verify"] = (
            "off" if access.tls is None else "verify" if authority else "require"
        )
        told = DatabaseSettings(
            kind="postgresql", host=str(url.query.get("host") or url.host), port=url.port,
            database=name, user=str(url.username), password=password, tls=tls,
            tls_ca=None if authority is None else str(authority),
        )  # fmt: skip
        return cls(told, folder)

    def land(self, stage: Stage, pair: Pair, subscription: str) -> list[Json]:
        """Let the agent land the subscription until it has caught up; return the table's rows."""
        schema, table = (name.replace("-", "_") for name in (pair.consumer.id, _of(pair)))
        landed = f"table {pair.id}"
        # Two uses of one system would make its schema at the same moment.
        with self.making, self._open() as database:
            if stage.notes.get(landed) != subscription:
                _begin(database, schema, table, pair)
                stage.notes.note(landed, subscription)
        self._work(stage, pair, subscription, schema, table)
        names = [item.name for item in pair.resource.items]
        with self._open() as database:
            columns = ", ".join(map(database.quote, names))
            rows = database.fetch(f"SELECT {columns} FROM {schema}.{table}")  # noqa: S608
        return [
            {name: value for name, value in zip(names, row, strict=True) if value is not None}
            for row in rows
        ]

    def _work(self, stage: Stage, pair: Pair, subscription: str, schema: str, table: str) -> None:
        secret = self.folder / f"client-{pair.consumer.id}.secret"
        write_private(secret, str(stage.secret(f"client {pair.consumer.id}")))
        key = _key(pair)
        job = Pull(
            name=f"{_of(pair)}-{subscription[-8:]}"[-JOB_NAME_CHARACTERS:].lstrip("-_"),
            subscription=subscription,
            table=f"{schema}.{table}",
            key=[] if key is None else [key.name],
            key_column=EXCHANGE_KEY if key is None else None,
            columns={item.name: item.name for item in pair.resource.items},
        )
        config = Config(
            # One agent a use: several of a system land at once.
            name=f"{pair.consumer.id[:AGENT_NAME_CHARACTERS]}-{subscription[-8:]}",
            exchange=Exchange(
                base_url=stage.base_url, client_id=stage.client_id(pair.consumer.id),
                secret=f"file:{secret}",
            ),
            database=msgspec.structs.replace(self.settings, own_schema=_own(schema, table)),
            pull=[job],
        )  # fmt: skip
        said: list[str] = []
        if not run(config, once=True, stop=threading.Event(), say=said.append):
            raise Failure(f"{pair.id} 的库表代理未能写入：{said}", f"{pair.id}: {said}")

    @contextmanager
    def _open(self) -> Iterator[Database]:
        database = connect(self.settings)
        try:
            yield database
        finally:
            database.close()


def _of(pair: Pair) -> str:
    return pair.resource.system.id


def _own(schema: str, table: str) -> str:
    """Return the schema in which the agent of a table writes down where it is."""
    return f"{schema}_{table}"[:NAME_CHARACTERS]


def _key(pair: Pair) -> Item | None:
    """The key item, None where it is masked: the exchange tells a key of its own then."""
    return pair.resource.key if pair.resource.key.mask is None else None


def _begin(database: Database, schema: str, table: str, pair: Pair) -> None:
    """Make the table of a grant anew, and forget where the agent was."""
    own = database.quote(_own(schema, table))
    key = _key(pair)
    columns = [f"{database.quote(item.name)} text" for item in pair.resource.items]
    columns += [] if key else [f"{EXCHANGE_KEY} text"]
    primary = EXCHANGE_KEY if key is None else database.quote(key.name)
    database.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    database.execute(f"DROP SCHEMA IF EXISTS {own} CASCADE")
    database.execute(f"CREATE SCHEMA {own}")
    database.execute(f"DROP TABLE IF EXISTS {schema}.{table}")
    made = ", ".join([*columns, f"PRIMARY KEY ({primary})"])
    database.execute(f"CREATE TABLE {schema}.{table} ({made})")


async def _make(access: DatabaseAccess, name: str) -> None:
    live = await access.connect(timeout=TIMEOUT_SECONDS)
    try:
        known = await live.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name)
        if known is None:
            await live.execute(f'CREATE DATABASE "{name}"')
    except asyncpg.InsufficientPrivilegeError as error:
        raise Failure(
            "库表需要一个数据库，而当前账号无权建库；请授予 CREATEDB 后重试。",
            "Tables need a database of their own: grant CREATEDB, then retry.",
        ) from error
    finally:
        await live.close()
