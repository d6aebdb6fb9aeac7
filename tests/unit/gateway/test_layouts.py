"""A workbook becomes bodies of the API, and errors find their way back to the cells."""

import io

import pytest

from gateway.workbooks import code_lists, elements, template
from gateway.workbooks.catalogue import ENTRY, ITEM, LAYOUT
from gateway.workbooks.columns import Column, Kind, cells_of, filled
from gateway.workbooks.layouts import Parsed, Verdict, parse
from kernel.errors import FieldError
from kernel.workbooks.packed import Unreadable
from kernel.workbooks.reading import Cell, Row
from kernel.workbooks.writing import Sheet, write

ENTRY_ROW = {
    "资源名称": "甲", "摘要": "摘要", "分类代码": "101001", "行政区划代码": "450000",
    "信息资源格式": "数据库", "更新周期": "每日", "共享类型": "无条件共享",
    "共享方式": "拉取、查询",
    "开放类型": "不予开放", "数据级别": "1级", "保密审查是否通过": "是", "保密审查人": "韦某",
    "保密审查日期": "2026-01-05", "个人信息保护影响评估是否通过": "是",
    "个人信息保护影响评估人": "韦某", "个人信息保护影响评估日期": "2026-01-05",
}  # fmt: skip
ITEM_ROW = {
    "资源名称": "甲", "信息项名称": "id", "信息项中文名": "编号", "数据元代码": "DE1",
    "是否必填": "是", "是否主键": "是", "数源或引用": "引用",
}  # fmt: skip


def parsed(entries: list[dict[str, str]], items: list[dict[str, str]]) -> Parsed:
    sheets = [
        Sheet(
            part.sheet,
            [each.heading for each in part.columns],
            [[row.get(each.label, "") for each in part.columns] for row in rows],
        )
        for part, rows in ((LAYOUT.master, entries), (LAYOUT.detail, items))
        if part is not None
    ]
    return parse(LAYOUT, write(sheets), is_csv=False)


def test_an_entry_with_its_items_is_the_body_that_a_clerk_sends() -> None:
    [unit] = parsed([ENTRY_ROW], [ITEM_ROW]).units
    assert not unit.is_faulty
    assert unit.data["reviews"]["secrecy"] == {"passed": True, "by": "韦某", "date": "2026-01-05"}
    assert (unit.data["format"], unit.data["grade"]) == (3, 1)
    assert unit.data["share_modes"] == ["pull", "query"]
    assert unit.data["items"][0]["element"] == "DE1"


def test_one_line_a_item_in_csv_makes_the_same() -> None:
    head = list(dict.fromkeys([*ENTRY_ROW, *ITEM_ROW]))
    second = ITEM_ROW | {"信息项名称": "name", "是否主键": "否"}
    lines = [ENTRY_ROW | ITEM_ROW, {name: second.get(name, "") for name in head}]
    text = "\r\n".join([",".join(head), *(",".join(line[n] for n in head) for line in lines)])
    [unit] = parse(LAYOUT, text.encode("gbk"), is_csv=True).units
    assert [item["name"] for item in unit.data["items"]] == ["id", "name"]
    assert not unit.is_faulty


def test_a_name_twice_a_line_of_nobody_and_wrong_cells_are_told() -> None:
    wrong = ENTRY_ROW | {"更新周期": "常常", "摘要": "", "资源名称": "乙\u200b"}
    found = parsed([ENTRY_ROW, ENTRY_ROW, wrong], [ITEM_ROW, ITEM_ROW | {"资源名称": "丙"}])
    faults = [" ".join(unit.faults) for unit in found.units]
    assert faults[0] == ""
    assert "第 2 行重复" in faults[1]
    assert all(said in faults[2] for said in ("更新周期：只能取", "摘要：缺少", "资源名称：含有"))
    assert [row.number for row in found.orphans] == [3]


def test_a_code_that_is_a_number_is_refused_and_a_division_is_not() -> None:
    code = Column(path="value", label="代码", kind=Kind.CODE)
    division = Column(path="region_code", label="区划", kind=Kind.DIGITS)
    row = Row(2, {"代码": Cell("1", number=True), "区划": Cell("450100", number=True)})
    body = filled([code, division], row)
    assert body.data == {"region_code": "450100"}
    assert [label for label, _fault in body.faults] == ["代码"]


def test_errors_of_a_body_stand_at_their_cells() -> None:
    [unit] = parsed([ENTRY_ROW], [ITEM_ROW]).units
    verdict = Verdict()
    verdict.add(LAYOUT, unit, FieldError("items[0].element", "not_found", "未登记", "unknown"))
    verdict.add(LAYOUT, unit, FieldError("reviews.secrecy.by", "too_long", "过长", "too long"))
    assert verdict.details == {2: ["数据元代码：未登记"]}
    assert verdict.own == ["保密审查人：过长"]


def test_columns_that_are_missing_or_unknown_refuse_the_file() -> None:
    with pytest.raises(Unreadable, match="lacks"):
        parse(elements.LAYOUT, "数据元代码\r\nDE1\r\n".encode(), is_csv=True)
    head = ",".join(column.label for column in elements.ELEMENT)
    with pytest.raises(Unreadable, match="nobody knows"):
        parse(elements.LAYOUT, f"{head},备注\r\nx\r\n".encode(), is_csv=True)


def test_the_template_has_its_four_sheets_and_is_read_as_empty() -> None:
    from python_calamine import CalamineWorkbook  # noqa: PLC0415

    book = CalamineWorkbook.from_filelike(io.BytesIO(template.catalogue()))
    assert book.sheet_names == ["填写说明", "资源目录", "信息项", "可选值"]
    assert parse(LAYOUT, template.catalogue(), is_csv=False).units == []


@pytest.mark.parametrize("columns", [ENTRY, ITEM, elements.ELEMENT, code_lists.CODE])
def test_what_is_exported_is_imported(columns: tuple[Column, ...]) -> None:
    data = {column.label: _sample(column) for column in columns}
    row = Row(2, {label: Cell(text) for label, text in data.items()})
    body = filled(columns, row)
    assert body.faults == []
    assert dict(zip(data, cells_of(columns, body.data), strict=True)) == data


def _sample(column: Column) -> str:
    if column.choices:
        return next(iter(column.choices))
    return "3" if column.kind is Kind.WHOLE else "甲"


@pytest.mark.parametrize("columns", [ENTRY, ITEM])
def test_no_heading_stands_twice(columns: tuple[Column, ...]) -> None:
    """A workbook with two columns of one name is refused, ours like any other."""
    for names in ([each.label for each in columns], [each.path for each in columns]):
        assert len(set(names)) == len(names)
