"""What checking a file of records says of it, row by row, and the batches it is loaded in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from auth.principal import Principal
from exchange.publishing.dry_run import DryRuns
from exchange.publishing.publish import Media
from gateway.workbooks.records import Sheet
from kernel.errors import FieldError

BATCH_ROWS: Final = 2_000
BATCH_BYTES: Final = 4 * 1024 * 1024
# Of a row's faults so many are told.
TOLD_OF_ROW: Final = 8


@dataclass(frozen=True, slots=True)
class Report:
    """What is wrong with which rows of a file; `errors` name rows as people count them."""

    rows: int
    errors: Sequence[FieldError]
    error_count: int
    invalid: frozenset[int]

    @property
    def valid(self) -> int:
        return self.rows - len(self.invalid)


async def check(dry_runs: DryRuns, principal: Principal, resource_id: str, sheet: Sheet) -> Report:
    """Check every row as publishing would, and keys over the whole file; nothing is stored.

    Raises as `DryRuns.check`.
    """
    errors, error_count, seen = list(sheet.errors), len(sheet.errors), dict[bytes, int]()
    for batch in spans(sheet.lines):
        body = b"\n".join(sheet.lines[batch.start : batch.stop])
        checked = await dry_runs.check(principal, resource_id, body, Media.NDJSON, None)
        rows = sheet.rows[batch.start : batch.stop]
        told = chain.from_iterable(each.errors[:TOLD_OF_ROW] for each in checked.rejected)
        errors += [replace(error, index=rows[error.index or 0]) for error in told]
        valid = range(len(rows)) if checked.indexes is None else checked.indexes
        twice = list(_twice(checked.keys, [rows[at] for at in valid], seen))
        errors += twice
        error_count += checked.error_count + len(twice)
    errors.sort(key=lambda error: error.index or 0)
    invalid = frozenset(error.index for error in errors if error.index is not None)
    return Report(len(sheet.lines), errors, error_count, invalid)


def _twice(
    keys: Sequence[bytes], rows: Sequence[int], seen: dict[bytes, int]
) -> Iterator[FieldError]:
    """Yield keys that stood in an earlier batch of the file; within one, checking tells them."""
    for key, row in zip(keys, rows, strict=True):
        first = seen.setdefault(key, row)
        if first != row:
            told = f"与第 {first} 行主键相同", f"has the key of row {first}"
            yield FieldError("", "duplicate_key", *told, index=row)


def spans(lines: Sequence[bytes]) -> Iterator[range]:
    """Yield stretches of lines, each bounded in rows and in bytes; one line is always taken."""
    start = size = 0
    for place, line in enumerate(lines):
        if place > start and (place - start >= BATCH_ROWS or size + len(line) > BATCH_BYTES):
            yield range(start, place)
            start, size = place, 0
        size += len(line)
    if lines:
        yield range(start, len(lines))


def bodies(sheet: Sheet, without: frozenset[int] = frozenset()) -> list[bytes]:
    """Return the bodies that a file is loaded in, without some rows; one may be empty."""
    return [
        b"\n".join(sheet.lines[at] for at in batch if sheet.rows[at] not in without)
        for batch in spans(sheet.lines)
    ]
