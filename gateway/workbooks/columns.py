"""Columns of a workbook and the fields of a body that they stand for, both ways."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from types import MappingProxyType
from typing import Any, Final

from kernel.wire import is_plain
from kernel.workbooks.reading import EMPTY, Cell, Row
from kernel.workbooks.writing import Heading, unsafe

SEPARATORS: Final = "、,，;；\n"
YES, NO = "是", "否"
YES_NO: Final = MappingProxyType({YES: True, NO: False})
NONE: Final[Mapping[str, Any]] = MappingProxyType({})


class Kind(Enum):
    """What a cell holds; a number in a CODE may have lost zeros, DIGITS begin with none."""

    TEXT = auto()
    CODE = auto()
    DIGITS = auto()
    WHOLE = auto()
    BOUND = auto()
    CHOICE = auto()
    CHOICES = auto()
    LIST = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`path` leads into the body, with dots; `choices` lead from what is shown to values."""

    path: str
    label: str
    required: bool = False
    kind: Kind = Kind.TEXT
    choices: Mapping[str, Any] = field(default_factory=dict)
    width: int = 16

    @property
    def heading(self) -> Heading:
        offered = tuple(self.choices) if self.kind is Kind.CHOICE else ()
        return Heading(self.label, self.required, offered, width=self.width)


class CellFaultError(ValueError):
    """What is wrong with a cell, for who has filled it in."""


def value_of(column: Column, cell: Cell) -> Any:  # noqa: ANN401 - any JSON
    """Return the value of a cell that is not empty; raises CellFaultError."""
    if cell.fault:
        raise CellFaultError(cell.fault)
    text = unsafe(cell.text)
    if not is_plain(text):
        raise CellFaultError("含有不允许的字符（控制符、零宽字符或改变书写方向的字符）")
    if cell.number and column.kind is Kind.CODE:
        raise CellFaultError("代码须为文本：数字单元格会丢失前导零，请将单元格设为文本后重新填写")
    return _READERS[column.kind](column, text)


def _whole(_column: Column, text: str) -> int:
    if not text.removeprefix("-").isdecimal() or not text.isascii():
        raise CellFaultError("须为整数")
    return int(text)


def _choice(column: Column, text: str) -> Any:  # noqa: ANN401
    if text in column.choices:
        return column.choices[text]
    if text in map(str, column.choices.values()):
        return next(value for value in column.choices.values() if str(value) == text)
    raise CellFaultError(f"只能取：{'、'.join(column.choices)}")


def _split(text: str) -> list[str]:
    for separator in SEPARATORS[1:]:
        text = text.replace(separator, SEPARATORS[0])
    return [part.strip() for part in text.split(SEPARATORS[0]) if part.strip()]


_READERS: Final[Mapping[Kind, Callable[[Column, str], Any]]] = MappingProxyType(
    {
        Kind.TEXT: lambda _column, text: text,
        Kind.CODE: lambda _column, text: text,
        Kind.DIGITS: lambda _column, text: text,
        Kind.WHOLE: _whole,
        Kind.BOUND: lambda _column, text: text,
        Kind.CHOICE: _choice,
        Kind.CHOICES: lambda column, text: [_choice(column, part) for part in _split(text)],
        Kind.LIST: lambda _column, text: _split(text),
    }
)


def text_of(column: Column, value: Any) -> str:  # noqa: ANN401
    """Return what stands in the cell of a value."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return "、".join(text_of(column, each) for each in value)
    shown = [text for text, each in column.choices.items() if each == value]
    return shown[0] if shown else str(value)


@dataclass(slots=True)
class Filled:
    """A line as a body, and what is wrong with its cells, by label."""

    data: dict[str, Any]
    faults: list[tuple[str, str]]


def filled(columns: Sequence[Column], row: Row) -> Filled:
    """Return the body of a line; an empty cell leaves its field out."""
    body = Filled({}, [])
    for column in columns:
        cell = row.cells.get(column.label, EMPTY)
        if not cell.text:
            continue
        try:
            _put(body.data, column.path, value_of(column, cell))
        except CellFaultError as fault:
            body.faults.append((column.label, str(fault)))
    return body


def _put(data: dict[str, Any], path: str, value: Any) -> None:  # noqa: ANN401
    *outer, name = path.split(".")
    for each in outer:
        data = data.setdefault(each, {})
    data[name] = value


def cells_of(columns: Sequence[Column], data: Mapping[str, Any]) -> list[str]:
    """Return the cells of a body."""
    return [text_of(column, _get(data, column.path)) for column in columns]


def _get(data: Any, path: str) -> Any:  # noqa: ANN401
    for name in path.split("."):
        data = data.get(name) if isinstance(data, Mapping) else None
    return data


def labels(columns: Sequence[Column]) -> Iterator[tuple[str, str]]:
    """Yield field and label of each column."""
    return ((column.path, column.label) for column in columns)
