"""A clerk uploads 5,000 rows with the faults of Excel, corrects them, and replaces the whole."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import xlsxwriter

from kernel.workbooks.reading import tables
from tests.browser.stage import Stage, Visitor
from tests.support.world import Department, World, unique

ROWS, KEPT = 5_000, 4_900
BEGAN = date(2019, 3, 5)
ITEMS = (
    {"name": "id", "label": "登记号", "key": True, "max_length": 18},
    {"name": "licence", "label": "许可证号", "max_length": 18, "min_length": 18},
    {"name": "issued", "label": "发证日期", "data_type": "date"},
    {"name": "valid", "label": "是否有效", "data_type": "boolean"},
    {"name": "amount", "label": "数量", "data_type": "integer"},
)
HEADINGS = ("登记号", "许可证号", "发证日期", "是否有效", "数量")
# Rows of the sheet with a fault of each kind, as people count them.
CUT, TWICE, DATE, TRUTH, WORDS = 12, 602, 1000, 2000, 3000


def faulty() -> list[list[Any]]:
    """Rows as Excel keeps them; five of them cannot be what they are meant to be."""
    rows: list[list[Any]] = []
    for number in range(ROWS):
        day = BEGAN + timedelta(days=number % 1000)
        issued = day if number % 2 else f"{day.year}/{day.month}/{day.day}"
        truth, amount = "是" if number % 3 else "否", float(number) if number % 2 else "12.0"
        rows.append([f"D{number:06}", f"45{number:016}", issued, truth, amount])
    rows[CUT - 2][1] = 450100199001011234.0
    rows[TWICE - 2][0] = rows[TWICE - 502][0]
    rows[DATE - 2][2] = "二月三十日"
    rows[TRUTH - 2][3] = "也许"
    rows[WORDS - 2][4] = "十二"
    return rows


def mended(rows: list[list[Any]]) -> list[list[Any]]:
    right = {CUT: (1, "450100199001011234"), TWICE: (0, "D900000"), DATE: (2, "2020-02-28"),
             TRUTH: (3, "否"), WORDS: (4, 12)}  # fmt: skip
    for row, (column, value) in right.items():
        rows[row - 2][column] = value
    return rows


def book(headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    out = io.BytesIO()
    made = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet, dates = made.add_worksheet(), made.add_format({"num_format": "yyyy/m/d"})
    sheet.write_row(0, 0, headings)
    for number, row in enumerate(rows, 1):
        for column, cell in enumerate(row):
            if isinstance(cell, date):
                sheet.write_datetime(number, column, cell, dates)
            else:
                sheet.write(number, column, cell)
    made.close()
    return out.getvalue()


@dataclass(frozen=True)
class Plot:
    department: Department
    name: str


async def plot(world: World) -> Plot:
    department, name = await world.department(), unique("许可台账")
    await world.resource(department, ITEMS, name=name)
    return Plot(department, name)


async def play(stage: Stage, world: World, plot: Plot) -> None:
    clerk, rows = await stage.enter(plot.department.clerk), faulty()
    await clerk.area("目录")
    await clerk.fill({"q": plot.name})
    await clerk.press("查找")
    await clerk.follow(plot.name)
    await clerk.follow("数据上报")
    await doubled(clerk, rows)
    await returned(clerk, rows)
    right = mended(rows)
    await load(clerk, right)
    await replace_whole(clerk, right[:KEPT])


async def choose(clerk: Visitor, name: str, content: bytes) -> None:
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    await clerk.part("#file").set_input_files(file)  # type: ignore[arg-type]


async def doubled(clerk: Visitor, rows: list[list[Any]]) -> None:
    """Two columns of one heading: nothing is guessed."""
    await choose(clerk, "台账.xlsx", book([*HEADINGS, "数量"], rows[:2]))
    await clerk.press("检查")
    await clerk.sees("标题重复")


async def returned(clerk: Visitor, rows: list[list[Any]]) -> None:
    """The check tells what it converts and what is wrong; the file comes back with the reasons."""
    content = book(HEADINGS, rows)
    await choose(clerk, "台账.xlsx", content)
    await clerk.press("检查")
    await clerk.sees(f"合格 {ROWS - 5} 条，不合格 5 条。尚未保存")
    told = await clerk.text()
    for words in ("日期单元格写成标准日期", "日期改写为年-月-日", "读作布尔值", "读作整数"):
        assert words in told, told
    result = await clerk.download("button[value=book]")
    assert dict(faults(result)).keys() == {CUT, TWICE, DATE, TRUTH, WORDS}


def faults(content: bytes) -> Iterator[tuple[int, str]]:
    for row in tables(content, ["数据"], is_csv=False)["数据"].rows:
        if "错误原因" in row.cells:
            yield row.number, row.cells["错误原因"].text


async def load(clerk: Visitor, rows: Sequence[Sequence[Any]]) -> None:
    """Corrected, in the encoding of an older Excel."""
    lines = [",".join(map(str, row)) for row in [HEADINGS, *rows]]
    await choose(clerk, "台账.csv", "\n".join(lines).encode("gb18030"))
    await clerk.press("全部合格才上报")
    await clerk.told("已入库")
    told = await clerk.part(".done").all_inner_texts()
    assert sum(int(each.split()[1]) for each in told) == len(rows), told


async def replace_whole(clerk: Visitor, rows: Sequence[Sequence[Any]]) -> None:
    """What the new file does not hold is counted first, then deleted."""
    await clerk.follow("全量替换")
    await clerk.press("开始全量替换")
    await clerk.told("全量替换已开始")
    back = clerk.path
    await clerk.follow("上传全部记录")
    await load(clerk, rows)
    await clerk.follow("全量替换")
    await clerk.press("只计算将删除多少")
    await clerk.sees("已完成")
    await clerk.go(back)
    await clerk.press("提交并删除")
    await clerk.sees("已完成")
    await clerk.go(back)
    deleted = clerk.part("tbody tr").first
    assert str(ROWS - KEPT) in await deleted.inner_text()
