"""Out of a table: what has changed since it was published, into the queue of changes."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import islice
from json.encoder import encode_basestring
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

from shuyuan_client.agent.config import Push
from shuyuan_client.agent.databases import (
    Column,
    Database,
    Kind,
    Row,
    columns_of_key,
    require_columns,
)
from shuyuan_client.agent.state import Position, State, chunks, marks
from shuyuan_client.agent.values import digest, line, published, text_of
from shuyuan_client.failures import Failure

AT_ONCE = 1_000
# What an increment is read at once, at most.
READ_ROWS, READ_BYTES = 10_000, 4 * 1024 * 1024
NO_RECORD = ""
Op = Literal["upsert", "delete"]


class Change(NamedTuple):
    """A record to publish; the key is that of the row, as texts."""

    op: Op
    key: tuple[str, ...]
    body: bytes
    key_json: str
    key_digest: str
    digest: str


def change_of(op: Op, key: tuple[str, ...], body: bytes) -> Change:
    # As `json.dumps` writes it, at a tenth of the price: its digest is what is kept of a key.
    key_json = f"[{', '.join(map(encode_basestring, key))}]"
    told = digest(body) if op == "upsert" else NO_RECORD
    return Change(op, key, body, key_json, digest(key_json.encode()), told)


@dataclass(frozen=True, slots=True)
class Source:
    """The table of a push: `columns` are column by item, `kinds` those of the contract."""

    job: Push
    columns: dict[str, str]
    kinds: dict[str, Kind]
    zone: ZoneInfo

    @property
    def key(self) -> list[str]:
        """The key's columns; raises Failure for an item without one."""
        return columns_of_key(self.job.name, self.job.key, self.columns)


class Capture:
    """Reads the table and queues what differs from what was published."""

    def __init__(self, source: Source, database: Database, state: State) -> None:
        self._source = source
        self._job = source.job
        self._database = database
        self._state = state
        self._after: tuple[str, ...] | None = None
        self._rows = self._job.batch
        # The end was reached, and what it had is to be published before anything is read again.
        self._ended = False

    def step(self) -> bool:
        """Queue some changes, or none; whether there may be more at once. Raises Failure."""
        steps = {"increment": self._increment, "compare": self._compare, "outbox": self._outbox}
        increment = [] if self._job.increment is None else [self._job.increment]
        names = [*self._source.columns.values(), *increment]
        require_columns(self._database, self._job.table, names)
        before = self._state.position(self._job.name, self._job.resource)
        return steps[self._job.method](before)

    # By an increment column.

    def _increment(self, before: Position) -> bool:
        """Queue the next rows by increment and key, from the look-back on.

        Rows commit later than their increment says: what lies within the look-back is read again,
        and what was published before is known by its digest.
        """
        if self._ended:
            self._ended = False
            return False
        name = str(self._job.increment)
        column = self._known()[name]
        with self._database.transaction():
            rows = self._after_increment(column, before.position)
            changes = [self._change(row[1:]) for row in rows]
            queued = self._queue(changes)
            if rows:
                with self._noted(before.position):
                    highest = _later(before.position, text_of(rows[-1][0]), column)
                if highest != before.position:
                    self._state.move(before.moved(position=highest, lag=None))
        if len(rows) < self._rows:
            self._after, self._ended = None, queued > 0
            return False
        self._rows = _more(self._rows, sum(len(change.body) for change in changes))
        self._after = (text_of(rows[-1][0]), *self._key_of(rows[-1][1:]))
        return True

    def _after_increment(self, column: Column, highest: str | None) -> list[Row]:
        known = self._known()
        order = [column, *(known[name] for name in self._source.key)]
        names = ", ".join(self._database.quote(each.name) for each in order)
        conditions = [f"{self._database.quote(column.name)} IS NOT NULL"]
        values: list[object] = []
        if self._after is not None:
            places = ", ".join(self._database.value(each) for each in order)
            conditions.append(f"({names}) > ({places})")
            values += self._after
        elif highest is not None:
            back = self._database.back(column, self._job.look_back)
            conditions.append(f"{self._database.quote(column.name)} >= {back}")
            values.append(highest)
        listed = self._listed([column.name, *self._source.columns.values()])
        sql = (
            f"SELECT {listed} FROM {self._database.table(self._job.table)} "  # noqa: S608 - quoted
            f"WHERE {' AND '.join(conditions)} ORDER BY {names} LIMIT {self._rows}"
        )
        return self._database.fetch(sql, *values)

    # By comparing everything.

    def _compare(self, before: Position) -> bool:
        """Queue what differs between the whole table and what was published, when it is time.

        Deletions only after a read that is complete, and not more than `max_deletes` of all.
        """
        now = datetime.now(UTC)
        if before.position is not None:
            with self._noted(before.position):
                last = datetime.fromisoformat(before.position)
            if now < last + timedelta(seconds=self._job.every_seconds):
                return False
        with self._database.transaction(snapshot=True):
            present = self._database.temporary("shuyuan_present", "key_digest char(64) PRIMARY KEY")
            table = self._database.table(self._job.table)
            expected = int(self._database.fetch(f"SELECT count(*) FROM {table}")[0][0])  # noqa: S608
            rows = 0
            for chunk in self._everything():
                changes = [self._change(row) for row in chunk]
                self._queue(changes)
                keys = [[change.key_digest] for change in changes]
                self._database.upsert("shuyuan_present", ["key_digest"], [], keys)
                rows += len(chunk)
            if rows != expected:
                raise self._incomplete(rows, expected)
            self._queue_deletes(present, rows)
            self._state.move(before.moved(position=now.isoformat()))
        return False

    def _everything(self) -> Iterator[list[Row]]:
        known = self._known()
        key = [known[name] for name in self._source.key]
        names = ", ".join(self._database.quote(each.name) for each in key)
        places = ", ".join(self._database.value(each) for each in key)
        listed = self._listed(list(self._source.columns.values()))
        table = self._database.table(self._job.table)
        after: tuple[str, ...] = ()
        while True:
            where = f"WHERE ({names}) > ({places})" if after else ""
            sql = f"SELECT {listed} FROM {table} {where} ORDER BY {names} LIMIT {AT_ONCE}"  # noqa: S608
            rows = self._database.fetch(sql, *after)
            if rows:
                yield rows
            if len(rows) < AT_ONCE:
                return
            after = self._key_of(rows[-1])

    def _queue_deletes(self, present: str, rows: int) -> None:
        sql = (
            f"SELECT p.key_json FROM {self._state.sql('published')} p WHERE p.job = ? "  # noqa: S608
            f"AND NOT EXISTS (SELECT 1 FROM {present} s WHERE s.key_digest = p.key_digest)"
        )
        gone = [self._gone(row[0]) for row in self._database.fetch(sql, self._job.name)]
        allowed = int(self._job.max_deletes * (rows + len(gone)))
        if len(gone) > allowed:
            raise Failure(
                f"表 {self._job.table} 少了 {len(gone)} 行，超过允许删除的 {allowed} 行；"
                "若属实，请提高 max_deletes。",
                f"{len(gone)} rows are gone from {self._job.table}, more than the {allowed} that "
                "may be deleted; if that is true, raise max_deletes.",
            )
        self._insert(gone)

    def _incomplete(self, rows: int, expected: int) -> Failure:
        return Failure(
            f"表 {self._job.table} 应有 {expected} 行，读到 {rows} 行"
            "（主键有空值或重复？）；未作比对。",
            f"{self._job.table} has {expected} rows, {rows} were read (keys without a value, or "
            "twice?); nothing was compared.",
        )

    # By an outbox that triggers fill.

    def _outbox(self, before: Position) -> bool:
        """Queue the rows whose keys the outbox names, as they are now, and empty it."""
        del before
        outbox = self._state.sql("outbox")
        sql = f"SELECT seq, key_json FROM {outbox} WHERE job = ? ORDER BY seq LIMIT {AT_ONCE}"  # noqa: S608
        with self._database.transaction():
            rows = self._database.fetch(sql, self._job.name)
            if not rows:
                return False
            keys = list(dict.fromkeys(tuple(json.loads(row[1])) for row in rows))
            known = list(self._source.columns.values())
            there = self._database.select(self._job.table, known, self._source.key, keys)
            changes = {change.key: change for change in map(self._change, there)}
            self._require_known(changes, keys)
            gone = [self._gone(json.dumps(key)) for key in keys if key not in changes]
            self._queue([*changes.values(), *self._published(gone)])
            gone_from_outbox = [[row[0]] for row in rows]
            self._database.delete(self._state.name("outbox"), ["seq"], gone_from_outbox)
        return len(rows) == AT_ONCE

    def _require_known(self, changes: dict[tuple[str, ...], Change], keys: list[Any]) -> None:
        """Raise Failure where a key is written otherwise by the trigger than it is read."""
        for key in changes.keys() - {*keys}:
            raise Failure(
                f"触发器记下的主键与读到的 {key} 写法不同；请改用 compare。",
                f"The trigger writes keys otherwise than they are read, {key}; use compare.",
            )

    def _published(self, gone: list[Change]) -> list[Change]:
        """Return those whose record was published: others need not be deleted."""
        known = self._digests([change.key_digest for change in gone])
        return [change for change in gone if change.key_digest in known]

    # What all have in common.

    def _queue(self, changes: Sequence[Change]) -> int:
        """Queue what differs from what was published; return how many that are."""
        named = {each.key_digest: each for each in changes}
        known = self._digests(list(named))
        new = [each for name, each in named.items() if known.get(name) != each.digest]
        self._insert(new)
        return len(new)

    def _digests(self, keys: list[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for some in chunks(keys, AT_ONCE):
            sql = (
                f"SELECT key_digest, digest FROM {self._state.sql('published')} "  # noqa: S608
                f"WHERE job = ? AND key_digest IN ({marks(len(some))})"
            )
            found.update(
                (row[0], row[1]) for row in self._database.fetch(sql, self._job.name, *some)
            )
        return found

    def _insert(self, changes: Sequence[Change]) -> None:
        columns = ["job", "op", "key_digest", "key_json", "body", "digest"]
        rows = [
            [self._job.name, each.op, each.key_digest, each.key_json, each.body.decode(),
             each.digest]
            for each in changes
        ]  # fmt: skip
        remaining = iter(rows)
        while some := list(islice(remaining, AT_ONCE)):
            self._database.upsert(self._state.name("changes"), columns, [], some)

    def _change(self, row: Row) -> Change:
        zone = self._source.zone
        values = [
            value
            if value is None or (plain and value.__class__ is str)
            else published(value, kind, column, zone)
            for value, (kind, column, plain) in zip(row, self._read, strict=True)
        ]
        return change_of("upsert", self._key_of(row), line(self._items, values))

    @cached_property
    def _items(self) -> list[str]:
        return list(self._source.columns)

    @cached_property
    def _read(self) -> list[tuple[Kind | None, Column, bool]]:
        """For each column the item's kind, and whether a text is published as it stands."""
        known, kinds = self._known(), self._source.kinds
        read = [(kinds.get(item), known[name]) for item, name in self._source.columns.items()]
        return [(kind, column, not column.padded) for kind, column in read]

    def _gone(self, key_json: str) -> Change:
        """Return the deletion of a row, whose key items are all that is told of it."""
        key = tuple(json.loads(key_json))
        with self._noted(key_json):
            values = self._key_values(key)
        return change_of("delete", key, line(self._job.key, values))

    def _key_values(self, key: tuple[str, ...]) -> list[object]:
        known = self._known()
        return [
            published(_typed(text, known[name]), self._source.kinds.get(item), known[name],
                      self._source.zone)
            for item, name, text in zip(self._job.key, self._source.key, key, strict=True)
        ]  # fmt: skip

    @contextmanager
    def _noted(self, noted: str | None) -> Iterator[None]:
        """Read within what was noted; raises Failure where other settings or columns noted it."""
        try:
            yield
        except ValueError as error:
            raise Failure(
                f"任务 {self._job.name} 记下的 {noted} 与现在的设置或列类型不符；"
                "更改 method、key 或 increment 请另取任务名。",
                f"The job {self._job.name} noted {noted}, which does not fit its settings or "
                "columns now; give it another name to change method, key or increment.",
            ) from error

    def _key_of(self, row: Row) -> tuple[str, ...]:
        return tuple(text_of(row[place], column) for place, column in self._key)

    @cached_property
    def _key(self) -> list[tuple[int, Column]]:
        """Where in a row the key's columns stand."""
        known, names = self._known(), list(self._source.columns.values())
        return [(names.index(name), known[name]) for name in self._source.key]

    def _known(self) -> dict[str, Column]:
        return self._database.columns(self._job.table)

    def _listed(self, names: Sequence[str]) -> str:
        return ", ".join(map(self._database.quote, names))


def _more(rows: int, size_bytes: int) -> int:
    """Return how many rows to read at once, after so many had so many bytes.

    Where the increment has no index, or rows share one, each reading sorts the table.
    """
    fit = rows * READ_BYTES // max(size_bytes, 1)
    return max(min(fit, 2 * rows, READ_ROWS), 1)


def _later(one: str | None, other: str, column: Column) -> str:
    if one is None:
        return other
    return max(one, other, key=lambda text: _typed(text, column))


def _typed(text: str, column: Column) -> Any:  # noqa: ANN401 - by the column's kind
    """Return a key's or an increment's value again from its text."""
    if column.kind == "integer":
        return int(text)
    if column.kind == "moment":
        return datetime.fromisoformat(text)
    return text
