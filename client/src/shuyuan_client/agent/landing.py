"""Pulled lines into a table: the last line of each key, as rows or as deletions."""

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from shuyuan_client.agent.config import Pull
from shuyuan_client.agent.databases import (
    Column,
    Database,
    DatabaseRefused,
    columns_of_key,
    require_columns,
    undone,
)
from shuyuan_client.agent.values import landed, split_key
from shuyuan_client.failures import Failure
from shuyuan_client.models import Line


@dataclass(frozen=True, slots=True)
class Landed:
    """What a page did: rows that were written, and deletions."""

    upserts: int
    deletes: int


class Target:
    """The table of a pull; `columns` are column by item, those of the key among them."""

    def __init__(
        self, job: Pull, columns: dict[str, str], database: Database, zone: ZoneInfo
    ) -> None:
        """Raise Failure where an item of the key has no column."""
        self._job = job
        self._database = database
        self._zone = zone
        self.columns = columns
        of_items = columns_of_key(job.name, job.key, columns)
        self.key = of_items or [str(job.key_column)]
        extra = [name for name in (job.key_column, job.mark_column) if name is not None]
        self.names = [*columns.values(), *extra]

    def apply(self, lines: Sequence[Line], seen: str | None = None) -> Landed:
        """Write lines, inside a transaction of the caller; note keys in the table `seen`."""
        known = require_columns(self._database, self._job.table, self.names)
        last = {each.key: each for each in lines}
        rows = [self._row(each, known) for each in last.values() if each.op == "upsert"]
        gone = [self._key(each.key) for each in last.values() if each.op == "delete"]
        self._database.upsert(self._job.table, self.names, self.key, rows)
        if self._job.mark_column is None:
            self._database.delete(self._job.table, self.key, gone)
        else:
            self._database.mark(self._job.table, self.key, gone, self._job.mark_column)
        if seen is not None:
            self._note(seen, rows, gone)
        return Landed(len(rows), len(gone))

    def first_refused(self, lines: Sequence[Line]) -> str | None:
        """Return the key of the first record that the table refuses, None where none does alone."""
        last = list({each.key: each for each in lines}.values())
        low, high = 0, len(last)
        if self._passes(last):
            return None
        while high - low > 1:
            middle = (low + high) // 2
            if self._passes(last[low:middle]):
                low = middle
            else:
                high = middle
        return last[low].key

    def trial(self, lines: Sequence[Line]) -> None:
        """Write lines and take everything back; raises as writing them would."""
        with undone(self._database):
            self.apply(lines)
            self._database.check_deferred()

    def sweep(self, seen: str, *, remove: bool) -> int:
        """Return how many rows no record confirmed since the beginning; remove them if told."""
        table, quote = self._database.table(self._job.table), self._database.quote
        same = " AND ".join(f"s.{quote(name)} = {table}.{quote(name)}" for name in self.key)
        where = f"WHERE NOT EXISTS (SELECT 1 FROM {self._database.table(seen)} s WHERE {same})"  # noqa: S608
        mark = self._job.mark_column
        if mark is not None:
            where += f" AND NOT {table}.{quote(mark)}"
        if not remove:
            return int(self._database.fetch(f"SELECT count(*) FROM {table} {where}")[0][0])  # noqa: S608
        if mark is None:
            return self._database.execute(f"DELETE FROM {table} {where}")  # noqa: S608
        yes = self._database.value(self._database.columns(self._job.table)[mark])
        return self._database.execute(f"UPDATE {table} SET {quote(mark)} = {yes} {where}", "1")  # noqa: S608

    def _note(self, seen: str, rows: list[list[object]], gone: list[list[str]]) -> None:
        places = [self.names.index(name) for name in self.key]
        keys = [[row[place] for place in places] for row in rows]
        self._database.upsert(seen, self.key, self.key, keys)
        self._database.delete(seen, self.key, gone)

    def _passes(self, lines: Sequence[Line]) -> bool:
        try:
            self.trial(lines)
        except DatabaseRefused:
            return False
        return True

    def _row(self, line: Line, known: dict[str, Column]) -> list[object]:
        data = line.data or {}
        row = [
            landed(data.get(item), known[column], self._zone)
            for item, column in self.columns.items()
        ]
        if self._job.key_column is not None:
            row.append(line.key)
        else:
            self._check_key(line)
        if self._job.mark_column is not None:
            row.append(False)
        return row

    def _check_key(self, line: Line) -> None:
        """Raise Failure where the key is not made of the items that are said to be it."""
        parts, data = split_key(line.key), line.data or {}
        values = [data.get(item) for item in self._job.key]
        fits = len(parts) == len(values) and all(
            value is not None and (not isinstance(value, str) or value == part)
            for part, value in zip(parts, values, strict=False)
        )
        if not fits:
            raise Failure(
                f"记录的主键不是 {', '.join(self._job.key)} 的值（主键项未获授权或已脱敏）；"
                "请改用 key_column。",
                f"The keys of the records are not the values of {', '.join(self._job.key)} "
                "(not granted, or masked); use key_column.",
            )

    def _key(self, key: str) -> list[str]:
        return [key] if self._job.key_column is not None else split_key(key)
