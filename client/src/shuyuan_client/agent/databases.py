"""What the agent needs of a database, whichever it is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from shuyuan_client.agent.config import DatabaseSettings, secret
from shuyuan_client.failures import Failure, Unreachable

Kind = Literal["text", "integer", "decimal", "boolean", "date", "moment", "other"]
Row = tuple[Any, ...]
Rows = Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `zone` is that of its moments: `local`, `utc`, or None where each tells its own.

    `filled` tells that the database has a value where none is given.
    """

    name: str
    type: str
    kind: Kind
    required: bool = False
    filled: bool = False
    generated: bool = False
    zone: Literal["local", "utc"] | None = None

    @property
    def padded(self) -> bool:
        """Whether blanks fill its texts up to a fixed length."""
        return self.type.startswith(("character(", "char("))


class DatabaseRefused(Failure):
    """The database did not do what was asked: a value, a constraint, a trigger, a right."""


class DatabaseGone(Unreachable):
    """The connection with the database broke, or was never made; what it had locked is free."""


class Database(Protocol):
    """One connection. `?` stands for a value in `fetch` and `execute`; tables are as configured.

    Every method raises DatabaseRefused or DatabaseGone.
    """

    def fetch(self, sql: str, *values: object) -> list[Row]: ...

    def execute(self, sql: str, *values: object) -> int:
        """Return how many rows it concerned."""

    def transaction(self, *, snapshot: bool = False) -> AbstractContextManager[None]:
        """Commit at the end, roll back after an error; one within another is part of it.

        A snapshot reads one moment throughout.
        """

    def upsert(self, table: str, columns: Sequence[str], key: Sequence[str], rows: Rows) -> None:
        """Insert rows, or update those whose key is there; without a key, only insert."""

    def delete(self, table: str, key: Sequence[str], keys: Rows) -> int: ...

    def mark(self, table: str, key: Sequence[str], keys: Rows, column: str) -> int:
        """Set the column of these rows to true."""

    def select(
        self, table: str, columns: Sequence[str], key: Sequence[str], keys: Rows
    ) -> list[Row]: ...

    def columns(self, table: str) -> dict[str, Column]:
        """Return the columns of a table by name; none where there is no such table."""

    def unique_keys(self, table: str) -> list[frozenset[str]]: ...

    def missing_rights(self, table: str, rights: Sequence[str]) -> list[str]: ...

    def triggers(self, table: str) -> list[str]: ...

    def temporary(self, name: str, columns: str) -> str:
        """Make an empty table of this connection, and return its name for SQL."""

    def check_deferred(self) -> None:
        """Check now what would be checked at the commit."""

    def lock(self, name: str) -> bool:
        """Take a lock that ends with the connection; whether it was free."""

    def quote(self, name: str) -> str: ...

    def table(self, name: str) -> str:
        """Return a table's name for SQL."""

    def back(self, column: Column, amount: float) -> str:
        """Return SQL of a value `?` of this column, less an amount: seconds of moments."""

    def value(self, column: Column) -> str:
        """Return SQL of a value `?`, given as text, in this column's type."""

    def trigger_script(self, job: str, table: str, key: Sequence[str], outbox: str) -> str:
        """Return statements by which a table tells the outbox which keys have changed."""

    @property
    def words(self) -> "Words": ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Words:
    """What the databases call things by different names."""

    serial: str
    long_text: str


def require_columns(database: Database, table: str, names: Iterable[str]) -> dict[str, Column]:
    """Return the columns of a table; raises Failure where it, or one of these, is not there."""
    known = database.columns(table)
    if not known:
        raise Failure(f"表 {table} 不存在，或无权查看。", f"There is no table {table} to be seen.")
    missing = [name for name in names if name not in known]
    if missing:
        told = ", ".join(missing)
        raise Failure(f"表 {table} 没有列 {told}。", f"{table} has no column {told}.")
    return known


def make_table(database: Database, table: str, columns: str) -> None:
    """Make a table if it is not there; another agent may be making it."""
    try:
        database.execute(f"CREATE TABLE IF NOT EXISTS {database.table(table)} ({columns})")
    except DatabaseRefused:
        # Of two that make it at once PostgreSQL lets one fail when the other has committed.
        if not database.columns(table):
            raise


def columns_of_key(job: str, key: Iterable[str], columns: Mapping[str, str]) -> list[str]:
    """Return the columns of key items; raises Failure for an item that has none."""
    missing = [item for item in key if item not in columns]
    if missing:
        told = ", ".join(missing)
        raise Failure(
            f"任务 {job}：主键项 {told} 没有对应的列（未获授权，或资源无此项）。",
            f"The job {job}: the key item {told} has no column (not granted, or no such item).",
        )
    return [columns[item] for item in key]


class _Undone(Exception):
    """Takes back what was only tried."""


@contextmanager
def undone(database: Database, *, snapshot: bool = False) -> Iterator[None]:
    """Take back whatever is done within."""
    with suppress(_Undone), database.transaction(snapshot=snapshot):
        yield
        raise _Undone


def connect(settings: DatabaseSettings) -> Database:
    """Open a connection; raises DatabaseGone, or Failure where the driver is not installed."""
    password = None if settings.password is None else secret(settings.password)
    if settings.kind == "postgresql":
        from shuyuan_client.agent.postgresql import PostgreSql  # noqa: PLC0415 - a driver each

        return PostgreSql(settings, password)
    from shuyuan_client.agent.mysql import MySql  # noqa: PLC0415

    return MySql(settings, password)


def no_driver(name: str) -> Failure:
    return Failure(
        f"缺少数据库驱动 {name}：pip install 'shuyuan-client[agent]'。",
        f"The driver {name} is missing: pip install 'shuyuan-client[agent]'.",
    )


def refused(reason: object) -> DatabaseRefused:
    return DatabaseRefused(f"数据库拒绝：{reason}", f"The database refuses: {reason}")


def gone(settings: DatabaseSettings, reason: object) -> DatabaseGone:
    place = f"{settings.host}:{settings.port or ''}/{settings.database}"
    return DatabaseGone(
        f"连接不上数据库 {place}：{reason}", f"The database {place} does not answer: {reason}"
    )
