"""MySQL, MariaDB and what speaks as they do, by PyMySQL."""

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from shuyuan_client.agent.config import DatabaseSettings
from shuyuan_client.agent.databases import (
    Column,
    Database,
    DatabaseGone,
    DatabaseRefused,
    Kind,
    Row,
    Rows,
    Words,
    gone,
    no_driver,
    refused,
)

try:
    pymysql: Any = importlib.import_module("pymysql")
except ImportError as error:
    raise no_driver("pymysql") from error

USUAL_PORT = 3306
CONNECT_SECONDS = 10
STATEMENT_SECONDS = 300
KEYS_AT_ONCE = 500
# Of the server: gone away, lost, shut down, killed, the wait for a lock of a dead connection.
LOST = frozenset({1053, 1927, 2002, 2003, 2006, 2013, 2055})
KINDS: dict[str, Kind] = {
    "tinyint": "integer", "smallint": "integer", "mediumint": "integer", "int": "integer",
    "bigint": "integer", "decimal": "decimal", "float": "decimal", "double": "decimal",
    "date": "date", "datetime": "moment", "timestamp": "moment", "char": "text",
    "varchar": "text", "tinytext": "text", "text": "text", "mediumtext": "text",
    "longtext": "text", "enum": "text",
}  # fmt: skip
COLUMNS = """\
SELECT column_name, column_type, data_type, is_nullable = 'NO',
       column_default IS NOT NULL OR extra LIKE '%%auto_increment%%', extra LIKE '%%GENERATED%%'
FROM information_schema.columns
WHERE table_schema = coalesce(?, database()) AND table_name = ? ORDER BY ordinal_position"""
UNIQUE_KEYS = """\
SELECT index_name, column_name FROM information_schema.statistics
WHERE table_schema = coalesce(?, database()) AND table_name = ? AND non_unique = 0
  AND sub_part IS NULL"""
TRIGGERS = """\
SELECT trigger_name FROM information_schema.triggers
WHERE event_object_schema = coalesce(?, database()) AND event_object_table = ?"""
TRIGGER = """\
DROP TRIGGER IF EXISTS {name};
CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW
  INSERT INTO {outbox} (job, key_json) VALUES {rows};
"""
# Strict: a value that a column cannot hold is refused, not changed. Moments of TIMESTAMP are UTC.
SESSION = (
    "SET sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
    "NO_ENGINE_SUBSTITUTION', time_zone = '+00:00'"
)


class MySql:
    """A database as the agent needs it; see Database."""

    words = Words("bigint AUTO_INCREMENT", "mediumtext")

    def __init__(self, settings: DatabaseSettings, password: str | None) -> None:
        self._settings = settings
        self._columns: dict[str, dict[str, Column]] = {}
        self._within = False
        tls: dict[str, Any] = {"ssl_disabled": True}
        if settings.tls != "off":
            verified = settings.tls == "verify"
            tls = {"ssl_ca": settings.tls_ca, "ssl_verify_cert": verified,
                   "ssl_verify_identity": verified}  # fmt: skip
        with self._faults():
            self._connection = pymysql.connect(
                host=settings.host, port=settings.port or USUAL_PORT, user=settings.user,
                password=password or "", database=settings.database, charset="utf8mb4",
                connect_timeout=CONNECT_SECONDS, read_timeout=STATEMENT_SECONDS,
                write_timeout=STATEMENT_SECONDS, autocommit=True, init_command=SESSION,
                client_flag=pymysql.constants.CLIENT.FOUND_ROWS, **tls,
            )  # fmt: skip

    def close(self) -> None:
        self._connection._force_close()  # noqa: SLF001 - the quiet end, also of what is lost

    def fetch(self, sql: str, *values: object) -> list[Row]:
        with self._faults(), self._connection.cursor() as cursor:
            cursor.execute(formatted(sql), values)
            return [tuple(row) for row in cursor.fetchall()]

    def execute(self, sql: str, *values: object) -> int:
        with self._faults(), self._connection.cursor() as cursor:
            return int(cursor.execute(formatted(sql), values))

    @contextmanager
    def transaction(self, *, snapshot: bool = False) -> Iterator[None]:
        if self._within:
            yield
            return
        level = "REPEATABLE READ" if snapshot else "READ COMMITTED"
        self.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
        self.execute("START TRANSACTION" + (" WITH CONSISTENT SNAPSHOT" if snapshot else ""))
        self._within = True
        try:
            yield
        except BaseException:
            if self._connection.open:
                self.execute("ROLLBACK")
            raise
        else:
            self.execute("COMMIT")
        finally:
            self._within = False

    def upsert(self, table: str, columns: Sequence[str], key: Sequence[str], rows: Rows) -> None:
        if rows:
            with self._faults(), self._connection.cursor() as cursor:
                cursor.executemany(upsert(self.table(table), columns, key), rows)

    def delete(self, table: str, key: Sequence[str], keys: Rows) -> int:
        return sum(
            self.execute(f"DELETE FROM {self.table(table)} WHERE {found}", *values)  # noqa: S608
            for found, values in among(key, keys)
        )

    def mark(self, table: str, key: Sequence[str], keys: Rows, column: str) -> int:
        change = f"UPDATE {self.table(table)} SET {quote(column)} = 1 WHERE "  # noqa: S608
        return sum(self.execute(change + found, *values) for found, values in among(key, keys))

    def select(
        self, table: str, columns: Sequence[str], key: Sequence[str], keys: Rows
    ) -> list[Row]:
        listed = ", ".join(map(quote, columns))
        sql = f"SELECT {listed} FROM {self.table(table)} WHERE "  # noqa: S608
        return [
            row for found, values in among(key, keys) for row in self.fetch(sql + found, *values)
        ]

    def columns(self, table: str) -> dict[str, Column]:
        found = self._columns.get(table)
        if not found:
            rows = self.fetch(COLUMNS, *_parts(table))
            found = self._columns[table] = {row[0]: _column(row) for row in rows}
        return found

    def unique_keys(self, table: str) -> list[frozenset[str]]:
        found: dict[str, set[str]] = {}
        for index, column in self.fetch(UNIQUE_KEYS, *_parts(table)):
            found.setdefault(index, set()).add(column)
        return [frozenset(columns) for columns in found.values()]

    def missing_rights(self, table: str, rights: Sequence[str]) -> list[str]:
        """Return none: rights come by roles and patterns here, and the trial shows them."""
        del table, rights
        return []

    def triggers(self, table: str) -> list[str]:
        return [row[0] for row in self.fetch(TRIGGERS, *_parts(table))]

    def temporary(self, name: str, columns: str) -> str:
        self.execute(f"DROP TEMPORARY TABLE IF EXISTS {quote(name)}")
        self.execute(f"CREATE TEMPORARY TABLE {quote(name)} ({columns})")
        return quote(name)

    def check_deferred(self) -> None:
        """Nothing is deferred here."""

    def lock(self, name: str) -> bool:
        return bool(self.fetch("SELECT get_lock(concat('shuyuan-agent ', ?), 0)", name)[0][0])

    def quote(self, name: str) -> str:
        return quote(name)

    def table(self, name: str) -> str:
        return ".".join(quote(part) for part in name.split("."))

    def back(self, column: Column, amount: float) -> str:
        if column.kind == "moment":
            return f"({self.value(column)} - INTERVAL {amount:.0f} SECOND)"
        return f"({self.value(column)} - {amount:.0f})"

    def value(self, column: Column) -> str:
        kinds = {"moment": "DATETIME(6)", "integer": "SIGNED", "date": "DATE"}
        kind = kinds.get(column.kind)
        return "?" if kind is None else f"CAST(? AS {kind})"

    def trigger_script(self, job: str, table: str, key: Sequence[str], outbox: str) -> str:
        events = {"INSERT": ("NEW",), "UPDATE": ("OLD", "NEW"), "DELETE": ("OLD",)}
        schema = "".join(f"{quote(part)}." for part in table.split(".")[:-1])
        scripts = []
        for event, rows in events.items():
            name = f"shuyuan_agent_{job}_{event.lower()}".replace("-", "_")
            values = [
                f"('{job}', json_array({', '.join(_as_text(row, each) for each in key)}))"
                for row in rows
            ]
            scripts.append(
                TRIGGER.format(name=f"{schema}{quote(name)}", event=event, outbox=outbox,
                               table=self.table(table), rows=", ".join(values))
            )  # fmt: skip
        return "".join(scripts)

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except (pymysql.err.Error, OSError) as error:
            raise self._fault(error) from error

    def _fault(self, error: Exception) -> DatabaseGone | DatabaseRefused:
        number = error.args[0] if error.args else None
        lost = isinstance(error, OSError | pymysql.err.InterfaceError) or number in LOST
        return gone(self._settings, error) if lost else refused(error)


def _of(settings: DatabaseSettings, password: str | None) -> Database:
    """Say to the type checker that this is a Database."""
    return MySql(settings, password)


def _column(row: Row) -> Column:
    name, type_, base, required, filled, generated = row
    known: Kind = "boolean" if type_.startswith("tinyint(1)") else KINDS.get(base, "other")
    zone: Any = {"datetime": "local", "timestamp": "utc"}.get(base)
    return Column(name, type_, known, bool(required), bool(filled), bool(generated), zone)


def _parts(table: str) -> tuple[str | None, str]:
    schema, _, name = table.rpartition(".")
    return schema or None, name


def _as_text(row: str, column: str) -> str:
    return f"CAST({row}.{quote(column)} AS CHAR)"


def formatted(sql: str) -> str:
    """Return SQL with `%s` for each `?`."""
    return sql.replace("?", "%s")


def quote(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def upsert(table: str, columns: Sequence[str], key: Sequence[str]) -> str:
    names = [quote(name) for name in columns]
    marks = ", ".join(["%s"] * len(names))
    sql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})"  # noqa: S608 - quoted
    if not key:
        return sql
    # A table of key columns alone has nothing to change; naming one keeps the row as it is.
    others = [quote(name) for name in columns if name not in key] or [quote(key[0])]
    return f"{sql} ON DUPLICATE KEY UPDATE " + ", ".join(
        f"{name} = VALUES({name})" for name in others
    )


def among(key: Sequence[str], keys: Rows) -> Iterator[tuple[str, list[object]]]:
    """Yield conditions that find rows by their keys, and their values, some keys at once."""
    names = ", ".join(map(quote, key))
    row = f"({', '.join('?' * len(key))})"
    for start in range(0, len(keys), KEYS_AT_ONCE):
        some = keys[start : start + KEYS_AT_ONCE]
        yield (
            f"({names}) IN ({', '.join([row] * len(some))})",
            [each for one in some for each in one],
        )
