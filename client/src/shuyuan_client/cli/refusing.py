"""What of a file was refused: named on standard error, and kept for `--errors`."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from shuyuan_client.batching import Batch
from shuyuan_client.cli.explaining import note
from shuyuan_client.cli.outputs import WholeFile
from shuyuan_client.cli.progress import Meter
from shuyuan_client.failures import Failure, unusable_file
from shuyuan_client.fault_book import FaultBook
from shuyuan_client.http import Json
from shuyuan_client.record_files import Record
from shuyuan_client.refusals import choices
from shuyuan_client.wording import say

SUFFIX = ".xlsx"
LINES_TOLD = 10


class RowsRefused(Failure):
    """Ends a command that has looked at every row: what was refused is known in full."""


class Refusals:
    """Names what is refused; `count` is how many records that were not even kept."""

    def __init__(self, meter: Meter, book: FaultBook | None = None) -> None:
        self.meter, self.book = meter, book
        self.count = 0

    def row(self, record: Record, failure: Failure) -> None:
        """Refuse a row of the file before it is sent."""
        self.count += 1
        self.meter.say(failure.sentence, failure.sentence)
        if self.book is not None:
            self.book.add(record, failure.sentence)

    def errors(self, batch: Batch, errors: Iterable[Json]) -> set[int]:
        """Name what the exchange found in a batch; return the places of those records."""
        reasons: dict[int, list[str]] = {}
        for error in errors:
            record = batch.records[error["index"]]
            zh, en = choices(error)
            said = f"{error['message']} [{error['code']}]"
            sentence = say(
                f"第 {record.line} 行  {error['path']}：{said}{zh}",
                f"line {record.line}  {error['path']}: {said}{en}",
            )
            self.meter.say(sentence, sentence)
            reasons.setdefault(error["index"], []).append(sentence)
        if self.book is not None:
            for index, told in sorted(reasons.items()):
                self.book.add(batch.records[index], say("；", "; ").join(told))
        return set(reasons)


@contextmanager
def fault_file(path: Path | None) -> Iterator[FaultBook | None]:
    """Write the workbook of `--errors` when every row was looked at and some were refused.

    Raises Failure at once where it cannot be written, before anything is sent.
    """
    if path is None:
        yield None
        return
    if path.suffix.lower() != SUFFIX:
        raise Failure(
            f"--errors 须为 .xlsx 文件：{path}", f"--errors must name an .xlsx file: {path}"
        )
    book, is_whole = FaultBook(), False
    output = _opened(path)
    try:
        yield book
        is_whole = True
    except RowsRefused:
        is_whole = True
        raise
    finally:
        _close(output, path, book, is_whole=is_whole)


def _opened(path: Path) -> WholeFile:
    try:
        return WholeFile(path)
    except OSError as error:
        raise unusable_file(str(path), error) from error


def _close(output: WholeFile, path: Path, book: FaultBook, *, is_whole: bool) -> None:
    is_wanted = is_whole and bool(book.rows)
    try:
        if is_wanted:
            book.write(output.stream)
        output.close(whole=is_wanted)
    except OSError as error:
        raise unusable_file(str(path), error) from error
    if is_wanted:
        count = len(book.rows)
        note(
            f"✗ {count:,} 行及其错误原因已写入 {path}；更正后提交该文件即可。",
            f"✗ {count:,} rows and why they were refused are in {path}; correct and publish it.",
        )
    if is_whole and book.omitted:
        _tell_omitted(book.omitted)


def _tell_omitted(lines: list[int]) -> None:
    told = ", ".join(str(line) for line in lines[:LINES_TOLD])
    more = len(lines) > LINES_TOLD
    note(
        f"✗ 另有 {len(lines):,} 行工作簿容纳不下，请在原文件中更正：第 {told} 行"
        f"{'等' if more else ''}",
        f"✗ {len(lines):,} more rows do not fit a workbook, correct them in the file: lines {told}"
        f"{' and more' if more else ''}",
    )
