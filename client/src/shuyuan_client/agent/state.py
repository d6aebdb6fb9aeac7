"""The agent's own tables, in the database that it serves: positions, what waits, who runs."""

import os
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from shuyuan_client.agent.databases import Database, make_table
from shuyuan_client.failures import Failure

PREFIX = "shuyuan_agent"
# A moment passes until the database has seen that an agent was killed.
LOCK_TRIES, LOCK_PAUSE_SECONDS = 10, 0.2
# `{serial}` and `{long_text}` are what a database calls them. A key may have 1,024 bytes: it is
# found by its digest, as not every database indexes that many.
TABLES = {
    "jobs": "name varchar(64) PRIMARY KEY, subject varchar(64) NOT NULL, step bigint NOT NULL, "
    "position {long_text}, phase varchar(16) NOT NULL, records bigint NOT NULL, "
    "deletes bigint NOT NULL, lag bigint, resyncs bigint NOT NULL, unconfirmed bigint NOT NULL, "
    "moved_at varchar(40), tried_at varchar(40), error {long_text}, error_at varchar(40)",
    "holders": "agent varchar(64) PRIMARY KEY, holder varchar(255) NOT NULL, "
    "since varchar(40) NOT NULL",
    "changes": "seq {serial} PRIMARY KEY, job varchar(64) NOT NULL, op varchar(8) NOT NULL, "
    "key_digest char(64) NOT NULL, key_json {long_text} NOT NULL, body {long_text} NOT NULL, "
    "digest char(64) NOT NULL, batch char(32)",
    "published": "job varchar(64) NOT NULL, key_digest char(64) NOT NULL, "
    "key_json {long_text} NOT NULL, digest char(64) NOT NULL, PRIMARY KEY (job, key_digest)",
    "outbox": "seq {serial} PRIMARY KEY, job varchar(64) NOT NULL, key_json {long_text} NOT NULL",
}
Phase = Literal["", "resync"]


@dataclass(frozen=True, slots=True)
class Position:
    """How far a job has come; `step` counts its changes, so that of two writers one loses."""

    name: str
    subject: str
    step: int = 0
    position: str | None = None
    phase: Phase = ""
    records: int = 0
    deletes: int = 0
    lag: int | None = None
    resyncs: int = 0
    unconfirmed: int = 0
    moved_at: str | None = None
    tried_at: str | None = None
    error: str | None = None
    error_at: str | None = None

    def moved(self, **changes: object) -> "Position":
        """Return it one step further, without the error that it had."""
        return replace(
            self, step=self.step + 1, moved_at=moment(), error=None, error_at=None, **changes,  # type: ignore[arg-type]
        )  # fmt: skip


FIELDS = tuple(Position.__dataclass_fields__)
CHANGING = FIELDS[2:]


class State:
    """Reads and writes the agent's own tables; raises as the database does."""

    def __init__(self, database: Database, schema: str | None) -> None:
        self._database = database
        self._schema = schema

    def name(self, table: str) -> str:
        """Return the configured name of one of the agent's own tables."""
        own = f"{PREFIX}_{table}"
        return own if self._schema is None else f"{self._schema}.{own}"

    def sql(self, table: str) -> str:
        return self._database.table(self.name(table))

    def missing(self) -> list[str]:
        return [
            self.name(table) for table in TABLES if not self._database.columns(self.name(table))
        ]

    def create(self) -> None:
        """Make the tables that are not there."""
        words = self._database.words
        for table, columns in TABLES.items():
            typed = columns.format(serial=words.serial, long_text=words.long_text)
            make_table(self._database, self.name(table), typed)

    def hold(self, agent: str) -> None:
        """Become the one agent of this configuration; raises Failure with who is it already."""
        for _ in range(LOCK_TRIES):
            if self._database.lock(agent):
                break
            time.sleep(LOCK_PAUSE_SECONDS)
        else:
            raise held(agent, self.holder(agent))
        with self._database.transaction():
            self._database.delete(self.name("holders"), ["agent"], [[agent]])
            row = [agent, f"{socket.gethostname()} pid {os.getpid()}", moment()]
            self._database.upsert(self.name("holders"), ["agent", "holder", "since"], [], [row])

    def holder(self, agent: str) -> tuple[str, str] | None:
        """Return who held the configuration last, and since when."""
        sql = f"SELECT holder, since FROM {self.sql('holders')} WHERE agent = ?"  # noqa: S608
        rows = self._database.fetch(sql, agent)
        return (rows[0][0], rows[0][1]) if rows else None

    def position(self, name: str, subject: str) -> Position:
        """Return the position of a job, made where it is new; raises Failure for another's."""
        found = self.read(name, subject)
        if found is None:
            found = Position(name, subject)
            values = [[getattr(found, field) for field in FIELDS]]
            self._database.upsert(self.name("jobs"), FIELDS, [], values)
        return found

    def read(self, name: str, subject: str) -> Position | None:
        """Return the position of a job, None where it never ran; raises Failure for another's."""
        sql = f"SELECT {', '.join(FIELDS)} FROM {self.sql('jobs')} WHERE name = ?"  # noqa: S608
        rows = self._database.fetch(sql, name)
        found = Position(*rows[0]) if rows else None
        if found is not None and found.subject != subject:
            raise Failure(
                f"任务 {name} 此前对应 {found.subject}；对应 {subject} 请另取任务名。",
                f"The job {name} was for {found.subject}; give one for {subject} another name.",
            )
        return found

    def move(self, position: Position) -> None:
        """Write a position that is one step further; raises Failure where another agent did."""
        changes = ", ".join(f"{field} = ?" for field in CHANGING)
        sql = f"UPDATE {self.sql('jobs')} SET {changes} WHERE name = ? AND step = ?"  # noqa: S608
        values = [getattr(position, field) for field in CHANGING]
        if self._database.execute(sql, *values, position.name, position.step - 1) != 1:
            raise Failure(
                f"任务 {position.name} 的位点已被另一代理移动；本次未写入任何内容。",
                f"Another agent has moved the position of {position.name}; nothing was written.",
            )

    def tell(self, name: str, failure: str | None) -> None:
        """Write when a job was tried, and what it failed with."""
        at = moment()
        if failure is None:
            sql = f"UPDATE {self.sql('jobs')} SET tried_at = ?, error = NULL, error_at = NULL WHERE name = ?"  # noqa: E501, S608
            self._database.execute(sql, at, name)
        else:
            sql = f"UPDATE {self.sql('jobs')} SET tried_at = ?, error = ?, error_at = ? WHERE name = ?"  # noqa: E501, S608
            self._database.execute(sql, at, failure, at, name)

    def waiting(self, job: str) -> int:
        """Return how many changes wait to be published."""
        sql = f"SELECT count(*) FROM {self.sql('changes')} WHERE job = ?"  # noqa: S608
        return int(self._database.fetch(sql, job)[0][0])

    def waits(self, job: str) -> bool:
        """Return whether a change waits to be published."""
        sql = f"SELECT 1 FROM {self.sql('changes')} WHERE job = ? LIMIT 1"  # noqa: S608
        return bool(self._database.fetch(sql, job))


def held(agent: str, holder: tuple[str, str] | None) -> Failure:
    who, since = holder or ("?", "?")
    return Failure(
        f"配置 {agent} 正由 {who} 运行（自 {since}）；同一配置只能有一个代理。",
        f"The configuration {agent} is run by {who} since {since}; there can be one agent of it.",
    )


def moment() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def marks(count: int) -> str:
    return ", ".join("?" * count)


def chunks(values: list[str], size: int) -> Iterable[list[str]]:
    return (values[start : start + size] for start in range(0, len(values), size))
