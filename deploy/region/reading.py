"""The region's files as rows that know their line; what is wrong names its file and line."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from shuyuan_client.failures import Failure

DATA = Path(__file__).parent / "data"
SEPARATOR = ";"
HEAD_LINES = 1
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in one line of one file, in both languages."""

    file: str
    line: int
    chinese: str
    english: str


class Invalid(Failure):
    """The files do not describe a region; `problems` are all that were found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        shown = self.problems[:SHOWN]
        more = len(problems) - len(shown)
        tail = [f"… {more}"] if more else []
        super().__init__(
            "\n".join([*(f"{each.file}:{each.line}: {each.chinese}" for each in shown), *tail]),
            "\n".join([*(f"{each.file}:{each.line}: {each.english}" for each in shown), *tail]),
        )


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A line of a file; columns of several values separate them by semicolons."""

    line: int


R = TypeVar("R", bound=Row)


def read(folder: Path, file: str, kind: type[R], problems: list[Problem]) -> list[R]:
    """Return the lines of a file that can be read; what cannot is added to `problems`."""
    path = folder / file
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(
            Problem(file, 1, f"文件读不出：{error}", f"the file cannot be read: {error}")
        )
        return []
    return [*_rows(file, text, kind, problems)]


def _rows(file: str, text: str, kind: type[R], problems: list[Problem]) -> Iterator[R]:
    lines = _lines(file, text, problems)
    _, columns = next(lines, (HEAD_LINES, []))
    expected = [name for name in kind.__struct_fields__ if name != "line"]
    if columns != expected:
        said = ",".join(expected)
        problems.append(Problem(file, 1, f"表头应为 {said}", f"the columns are {said}"))
        return
    many = _columns_of_many(kind)
    for line, cells in lines:
        if len(cells) != len(columns):
            problems.append(
                Problem(
                    file,
                    line,
                    f"应有 {len(columns)} 列，实有 {len(cells)} 列",
                    f"{len(columns)} columns are needed, there are {len(cells)}",
                )
            )
            continue
        try:
            yield msgspec.convert(
                _values(dict(zip(columns, cells, strict=True)), many) | {"line": line},
                kind,
                strict=False,
            )
        except msgspec.ValidationError as error:
            problems.append(Problem(file, line, f"内容有误：{error}", f"is wrong: {error}"))


def _lines(file: str, text: str, problems: list[Problem]) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines with their numbers; no cell goes over its line, so each stands for itself."""
    for line, said in enumerate(text.removesuffix("\n").split("\n"), start=HEAD_LINES):
        if CONTROL.search(said.removesuffix("\r")):
            told = "含控制字符", "holds a control character"
            problems.append(Problem(file, line, *told))
            continue
        try:
            yield line, next(csv.reader([said], strict=True), [])
        except csv.Error as error:
            problems.append(Problem(file, line, f"引号有误：{error}", f"wrong quotes: {error}"))


def _columns_of_many(kind: type[Row]) -> set[str]:
    return {field.name for field in msgspec.structs.fields(kind) if field.type == tuple[str, ...]}


def _values(cells: Mapping[str, str], many: set[str]) -> dict[str, object]:
    """Leave empty cells out, so that the column's default holds; split what is a list."""
    return {
        name: tuple(part.strip() for part in cell.split(SEPARATOR)) if name in many else cell
        for name, cell in ((name, cell.strip()) for name, cell in cells.items())
        if cell
    }


def twice(file: str, rows: Iterable[tuple[str, int]]) -> Iterator[Problem]:
    """Yield each name that an earlier line has already, with both lines."""
    first: dict[str, int] = {}
    for name, line in rows:
        if name in first:
            yield Problem(
                file,
                line,
                f"“{name}”在第 {first[name]} 行已列出",
                f"{name!r} is listed in line {first[name]} already",
            )
        first.setdefault(name, line)
