"""Journeys that newcomers take by pages alone, from the first page to what they came for."""

import io
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import xlsxwriter

from kernel.workbooks.reading import tables
from tests.support.browsing import Browser, Page, browsing
from tests.support.eventually import eventually
from tests.support.world import Department, World, unique

ROWS = 5_000
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


async def sent(browser: Browser, path: str, name: str, content: bytes, go: str) -> Page:
    form = (await browser.open(path)).form("/upload")
    data = {"token": form.fields["token"][0], "once": form.fields["once"][0], "go": go}
    answer = await browser.http.post(
        path, data=data, files={"file": (name, content)}, headers={"Origin": browser.base_url}
    )
    return Page(answer)


async def test_a_workbook_with_the_faults_of_excel_comes_back_and_is_loaded(world: World) -> None:
    department = await world.department()
    resource = await world.resource(department, ITEMS)
    path, rows = f"/console/resources/{resource}/upload", faulty()
    async with browsing(world.base_url, department.clerk) as clerk:
        doubled = await sent(clerk, path, "a.xlsx", book([*HEADINGS, "数量"], rows[:2]), "check")
        assert doubled.status == 422
        content = book(HEADINGS, rows)
        checked = await sent(clerk, path, "台账.xlsx", content, "check")
        assert f"合格 {ROWS - 5} 条，不合格 5 条。尚未保存" in checked.text, checked.text[:2000]
        for words in ("日期单元格写成标准日期", "日期改写为年-月-日", "读作布尔值", "读作整数"):
            assert words in checked.text
        returned = (await sent(clerk, path, "台账.xlsx", content, "book")).answer
        assert dict(faults(returned.content)).keys() == {CUT, TWICE, DATE, TRUTH, WORDS}
        right = "\n".join(",".join(map(str, row)) for row in [HEADINGS, *mended(rows)])
        loaded = await sent(clerk, path, "台账.csv", right.encode("gb18030"), "load")
        assert loaded.text.count("已入库 2000 条") == 2, loaded.text[:2000]
        replaced = await clerk.send(
            await clerk.open(f"/console/resources/{resource}/replacements"), "/replacements"
        )
        assert "正在上报" in replaced.text


def faults(content: bytes) -> Iterator[tuple[int, str]]:
    for row in tables(content, ["数据"], is_csv=False)["数据"].rows:
        if "错误原因" in row.cells:
            yield row.number, row.cells["错误原因"].text


async def test_three_resources_of_two_departments_are_applied_for_at_once(world: World) -> None:
    first, second, consumer = [await world.department() for _ in range(3)]
    await world.client(consumer)
    names = [unique("资源") for _ in range(3)]
    owners = (first, first, second)
    resources = [
        await world.resource(owner, name=name) for owner, name in zip(owners, names, strict=True)
    ]
    async with browsing(world.base_url, consumer.clerk) as clerk:
        page = await clerk.open("/console/basket")
        for name, resource in zip(names, resources, strict=True):
            page = await clerk.open("/console/catalogue", q=name)
            page = await clerk.send(page, "/choose", resource=resource, go="basket")
        chosen = page.form("/applications/new").fields["resource"]
        assert sorted(chosen) == sorted(resources)
        query = "&".join(f"resource={each}" for each in chosen)
        page = await clerk.send(
            await clerk.open(f"/console/applications/new?{query}"), "/applications/new",
            title="登记所需", basis="条例第二十条",
            scenario="登记", scope="登记处", valid_until="2098-12-31", commitment="yes",
        )  # fmt: skip
        bundle = page.path
        applications = [
            each for each in dict.fromkeys(page.links) if each.startswith("/console/applications/")
        ]
        assert len(applications) == 3, page.text
    async with browsing(world.base_url, consumer.head) as head:
        assert "待答复" in (await head.send(await head.open(bundle), "/sign")).text
    agreed = [
        page for owner in (first, second) for page in await answered(world, owner, applications)
    ]
    assert len(agreed) == 2
    publisher = await world.client(first)
    await publisher.publish(resources[0], [{"id": "甲", "name": "黄某", "amount": 1}])
    async with browsing(world.base_url, consumer.clerk) as clerk:
        subscriptions = [
            await clerk.open(next(each for each in page.links if "/subscriptions/" in each))
            for page in agreed
        ]
        (page,) = [each for each in subscriptions if names[0] in each.text]
        assert page.path.rpartition("/")[2] in page.answer.text.partition("curl")[2]
        seen = await clerk.send(await clerk.open(f"{page.path}/preview"), "/preview")
        assert "黄某" in seen.text, seen.text


async def answered(world: World, owner: Department, applications: Sequence[str]) -> Sequence[Page]:
    """Agree to the first application to the department, in part, and refuse the others."""
    agreed = []
    async with browsing(world.base_url, owner.head) as head:
        pages = [await head.open(each) for each in applications]
        for number, page in enumerate(each for each in pages if each.status == 200):
            if number:
                refused = await head.send(page, "/refuse", code="4", reason="不属于登记所需")
                assert "不予共享" in refused.text
            else:
                agreed.append(await head.send(page, "/agree", items=["id", "name"]))
    return agreed


async def test_a_refused_program_is_told_what_to_do(world: World) -> None:
    sharing = await world.sharing()
    path = f"/console/subscriptions/{sharing.subscription}"
    async with browsing(world.base_url, sharing.provider.head) as head:
        page = await head.open(path)
        await head.send(page, "/suspend", reason="超范围使用", remedy_by="2098-12-31")
    answer = await sharing.subscriber.get(f"/v1/subscriptions/{sharing.subscription}/records")
    assert answer.status_code == 403
    correlation = answer.headers["exchange-correlation-id"]
    async with browsing(world.base_url, sharing.consumer.head) as head:
        found: list[Page] = []

        async def explained() -> bool:
            found[:] = [await head.open("/console/refusals", correlation_id=correlation)]
            return "没有找到" not in found[0].text

        await eventually(explained)
        assert "暂停" in found[0].text, found[0].text
        suspended = await head.open(path)
        assert "超范围使用" in suspended.text, "why, and until when"
        assert "2098-12-31" in suspended.text
        assert "毫秒内发出了最后一个字节" in suspended.text or "等待各节点报告" in suspended.text


async def test_the_authority_orders_what_it_has_found(world: World) -> None:
    """From the league to an order; contested sources have a story of their own (test_sharing)."""
    department = await world.department()
    async with browsing(world.base_url, world.authority) as authority:
        page = await authority.open("/console/league", by="department")
        assert {"/console/indicators", "/console/violations", "/console/flows"} <= set(page.links)
        indicators = await authority.http.get("/console/indicators", params={"as": "xlsx"})
        assert indicators.status_code == 200
        assert tables(indicators.content, ["list"], is_csv=False)["list"].rows
        page = await authority.open("/console/orders/new", department=department.uscc)
        due_on = date.today() + timedelta(days=20)  # noqa: DTZ011 - a day far enough
        page = await authority.send(
            page, "/new", violations="conditions_added", text="取消附加条件", due_on=due_on
        )
        assert "待整改" in page.text, page.text
    async with browsing(world.base_url, department.head) as head:
        assert page.path in (await head.open("/console")).links
