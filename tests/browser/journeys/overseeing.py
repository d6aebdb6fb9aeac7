"""The authority reviews, settles, reads the league, writes an order and takes indicators away."""

from dataclasses import dataclass
from datetime import timedelta

from gateway.api.entries import EntryIn
from kernel.clock import now
from kernel.workbooks.reading import tables
from kernel.workdays import local_date
from tests.browser.stage import Stage, Visitor
from tests.support.world import Department, World, unique

BASES = ("桂政发〔2016〕59号", "南府办〔2019〕7号")
ORDER = "取消附加条件，于期限内答复"


@dataclass(frozen=True)
class Plot:
    """An entry whose second version waits, and an element that two departments claim."""

    provider: Department
    name: str
    element: str
    element_name: str
    rival: Department


async def plot(world: World) -> Plot:
    provider, rival = await world.department(), await world.department()
    name, element_name = unique("资源"), unique("争议项")
    await revised(world, provider, name)
    element = await world.element(name=element_name)
    for department, basis in zip((provider, rival), BASES, strict=True):
        body = {"region_code": department.region, "legal_basis": basis}
        await department.head.ask("POST", f"/v1/elements/{element}/sources", body)
    return Plot(provider, name, element, element_name, rival)


async def revised(world: World, provider: Department, name: str) -> None:
    """Submit a second version without one of the items, another masked."""
    path = f"/v1/resources/{await world.resource(provider, name=name)}"
    await provider.clerk.ask("POST", f"{path}/revise")
    shown = await provider.clerk.ask("GET", path)
    body = {field: shown[field] for field in EntryIn.model_fields}
    body["items"] = [
        item | ({"mask": {"kind": "hash"}} if item["name"] == "name" else {})
        for item in shown["items"]
        if item["name"] != "amount"
    ]
    match = {"If-Match": f'"{shown["revision"]}"'}
    await provider.clerk.ask("PUT", path, body, headers=match)
    signed = {"leader_name": "黄某", "signed_on": "2026-01-06"}
    await provider.head.ask("POST", f"{path}/submit", signed)


async def play(stage: Stage, world: World, plot: Plot) -> None:
    authority = await stage.enter(world.authority)
    await review(authority, plot)
    await settle(authority, plot)
    await league(authority)
    await order(authority, plot)
    await indicators(authority)
    await answer(await stage.enter(plot.provider.head))


async def review(authority: Visitor, plot: Plot) -> None:
    await authority.area("目录")
    await authority.fill({"q": plot.name})
    await authority.press("查找")
    await authority.follow(plot.name)
    await authority.sees("第 1 版与第 2 版的差异")
    await authority.sees("不兼容")
    assert "不脱敏" in await authority.part("tr:has(.changed):has-text('脱敏')").first.inner_text()
    await authority.press("审核通过")
    await authority.told("审核通过")


async def settle(authority: Visitor, plot: Plot) -> None:
    """Both claims stand side by side with their legal bases."""
    await authority.area("数源")
    await authority.fill({"q": plot.element_name})
    await authority.press("查找")
    await authority.follow(plot.element_name)
    for words in (*BASES, plot.provider.name, plot.rival.name):
        await authority.sees(words)
    claim = authority.part(f".columns > .card:has-text('{plot.rival.name}')")
    await claim.locator("summary:text-is('确认为数源')").click()
    await claim.locator("textarea:visible").fill("依职责分工")
    await claim.locator("button:visible:text-is('确认为数源')").click()
    await authority.told("已确认为数源")


async def league(authority: Visitor) -> None:
    """From the map of cities to a city's counties, and to departments."""
    await authority.area("监督")
    await authority.follow("时限榜")
    await authority.sees("示意图，不作为行政区划界线依据")
    await authority.take("svg.map a[aria-label^='南宁市']")
    await authority.sees("西乡塘")
    await authority.follow("按部门")


async def order(authority: Visitor, plot: Plot) -> None:
    """From the department's page, which fills it in; the list of orders leads there, too."""
    await authority.follow("督办")
    await authority.follow("下达督办单")
    await authority.sees("在部门页面")
    await authority.area("部门")
    await authority.fill({"q": plot.provider.name})
    await authority.press("查找")
    await authority.follow(plot.provider.name)
    await authority.follow("下达督办单")
    due_on = local_date(now()) + timedelta(days=20)
    await authority.take("input[value=conditions_added]")
    await authority.fill({"text": ORDER, "due_on": due_on.isoformat()})
    await authority.press("下达")
    await authority.sees("待整改")


async def indicators(authority: Visitor) -> None:
    await authority.area("监督")
    await authority.follow("指标")
    book = await authority.download("a[download]")
    rows = tables(book, ["指标"], is_csv=False)["指标"].rows
    assert any("按时答复率" in cell.text for row in rows for cell in row.cells.values())


async def answer(head: Visitor) -> None:
    """The department finds the order on its workbench."""
    await head.follow(ORDER)
    await head.sees("待整改")
