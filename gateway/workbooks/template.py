"""The workbook that a clerk begins with: how to fill it in, empty sheets, what may be chosen."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from gateway.workbooks.catalogue import ENTRY, LAYOUT
from gateway.workbooks.columns import Column, Kind
from gateway.workbooks.layouts import laid_out
from kernel.workbooks.writing import Heading, Sheet, write

HOW: Final = (
    ("一", "在“资源目录”中每行填写一个政务数据资源，在“信息项”中每行填写一个信息项。"),
    ("二", "带 * 的列必填。两个工作表以“资源名称”对应，同一文件内名称不得重复。"),
    ("三", "“资源代码”留空时按本部门和资源名称匹配：没有的新建为草稿，是草稿的予以修改。"),
    ("四", "已送审、已发布的资源不能导入修改，请先在平台上发起修订。"),
    ("五", "代码、编号请设为文本格式；不要使用公式、合并单元格和隐藏的工作表。"),
    ("六", "日期按 2026-01-31 填写；多个值以顿号（、）分隔。"),
    (
        "七",
        "不予共享须写明法律、行政法规或国务院决定的名称和条款；有条件共享须写明条件、范围、用途。",
    ),
    ("八", "个人信息项应当脱敏，或填写不脱敏理由；部分遮盖须填写保留的位数。"),
    ("九", "一个文件不超过 100,000 行、64 MiB。可先选择“试导入”，核对“错误原因”列后再导入。"),
)
LISTS: Final = "可选值"


@lru_cache(maxsize=1)
def catalogue() -> bytes:
    """Return the template of the catalogue; the same for everybody."""
    return write(_sheets())


def _sheets() -> Iterator[Sheet]:
    headings = [Heading("序号", width=6), Heading("填写说明", width=100)]
    yield Sheet("填写说明", headings, [list(line) for line in HOW])
    yield from laid_out(LAYOUT)
    yield _lists()


def _lists() -> Sheet:
    wanted = (Kind.CHOICE, Kind.CHOICES)
    columns: list[Column] = [
        column
        for part in (LAYOUT.master, LAYOUT.detail)
        for column in (part.columns if part else ENTRY)
        if column.kind in wanted
    ]
    longest = max(len(column.choices) for column in columns)
    rows = [
        [list(column.choices)[place] if place < len(column.choices) else "" for column in columns]
        for place in range(longest)
    ]
    return Sheet(LISTS, [Heading(column.label) for column in columns], rows)
