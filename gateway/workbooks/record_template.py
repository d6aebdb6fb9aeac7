"""The workbook that records are typed into: empty columns, made-up rows beside them, the rules."""

from collections.abc import Iterator, Sequence
from typing import Final

from catalog.contracts.examples import Examples, Value
from catalog.contracts.model import Contract, Field
from gateway.workbooks.elements import TYPES
from gateway.workbooks.records import REQUIRED_MARK
from kernel.workbooks.writing import Heading, Sheet, write

DATA, EXAMPLES, RULES = "数据", "填写示例", "填写说明"
NOTE: Final = "以下各行由平台按契约自动编写，全部是虚构的，不取自任何真实数据；本表不会上报。"
TYPE_NAMES: Final = {data_type: name for name, data_type in TYPES.items()}
# What a spreadsheet takes as a list of its own: characters, commas with them.
CHOICES_MAX: Final = 255
CODES_SHOWN: Final = 100


def template(contract: Contract, made: Examples) -> bytes:
    """Return the workbook; only its first sheet is read when it comes back."""
    return write(_sheets(contract, made))


def headings(contract: Contract) -> Sequence[Heading]:
    """Return a column for each item, by its name where others have the same label."""
    labels = [field.label for field in contract.fields]
    return [
        Heading(
            field.label if labels.count(field.label) == 1 else field.name,
            required=field.mandatory,
            choices=_choices(field),
        )
        for field in contract.fields
    ]


def rows(contract: Contract, made: Examples) -> Iterator[Sequence[str]]:
    for record in made.records:
        yield [_text(record[field.name]) for field in contract.fields]


def _sheets(contract: Contract, made: Examples) -> Iterator[Sheet]:
    columns = headings(contract)
    yield Sheet(DATA, columns)
    noted = [*columns, Heading(NOTE, width=60)]
    yield Sheet(EXAMPLES, noted, rows(contract, made))
    told = [Heading("列"), Heading("字段名"), Heading("类型"), Heading(f"“{REQUIRED_MARK}”为必填")]
    told += [Heading("主键"), Heading(f"可用的代码（前 {CODES_SHOWN} 个）", width=60)]
    lines = [
        [column.label, *_rules(field)]
        for column, field in zip(columns, contract.fields, strict=True)
    ]
    yield Sheet(RULES, told, lines)


def _rules(field: Field) -> Sequence[str]:
    codes = "、".join((field.values or ())[:CODES_SHOWN])
    return (
        field.name,
        TYPE_NAMES[field.data_type],
        _yes(field.mandatory),
        _yes(field.key),
        codes,
    )


def _yes(value: bool) -> str:  # noqa: FBT001 - a value of a cell
    return "是" if value else ""


def _choices(field: Field) -> Sequence[str]:
    codes = field.values or ()
    return codes if len(",".join(codes)) <= CHOICES_MAX and all("," not in c for c in codes) else ()


def _text(value: Value | None) -> str:
    if isinstance(value, bool):
        return "是" if value else "否"
    return "" if value is None else str(value)
