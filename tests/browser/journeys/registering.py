"""Three people register a resource of fifteen items that resembles another, up to publication."""

from dataclasses import dataclass

from tests.browser.stage import Stage, Visitor
from tests.support.world import Department, World, unique

ITEMS = 15
REASON = "本部门按办理时点另行核验，不能直接引用"


@dataclass(frozen=True)
class Plot:
    """`words` find the elements; `other` is the name of a resource that carries them already."""

    department: Department
    words: str
    other: str
    name: str


async def plot(world: World) -> Plot:
    words, other = unique("要素"), unique("已有资源")
    wanted = [
        {"name": f"field{number}", "label": f"{words}{number}", "key": not number, "max_length": 64}
        for number in range(ITEMS)
    ]
    named = [
        each | {"element": await world.element(name=each["label"], max_length=64)}
        for each in wanted
    ]
    await world.resource(await world.department(), await world.items(*named), name=other)
    return Plot(await world.department(), words, other, unique("走查资源"))


async def play(stage: Stage, world: World, plot: Plot) -> None:
    clerk = await stage.enter(plot.department.clerk)
    await draft(clerk, plot)
    await sign(await stage.enter(plot.department.head), plot)
    await review(await stage.enter(world.authority), plot)
    await clerk.area("目录")
    await find(clerk, plot)
    await clerk.sees("已发布")


async def draft(clerk: Visitor, plot: Plot) -> None:
    await clerk.follow("新建目录条目")
    await clerk.fill({"name": plot.name, "abstract": "办理登记时形成的记录"})
    await clerk.fill({"class_code": "101001", "format": "3", "update_cycle": "daily"})
    await clerk.press("下一步")
    await clerk.fill({"element_q": plot.words})
    await clerk.press("查找")
    for number in range(ITEMS):
        await clerk.take(f"input[name=take] >> nth={number}")
    await clerk.press("加入所选")
    await clerk.part(f"input[name=item_label] >> nth={ITEMS - 1}").wait_for()
    await clerk.press("下一步")
    await clerk.fill({"share_type": "unconditional", "open_type": "closed", "grade": "2"})
    await clerk.press("下一步")
    await reviews(clerk, plot)
    await clerk.press("下一步")
    assert await clerk.part("tbody tr").count() == ITEMS
    await clerk.press("保存草稿")
    await clerk.told("草稿已保存")


async def reviews(clerk: Visitor, plot: Plot) -> None:
    """Two reviews, and a reason beside what another department publishes already."""
    for who in ("secrecy", "privacy"):
        await clerk.take(f"input[name={who}_passed]")
        await clerk.fill({f"{who}_by": "保密办", f"{who}_date": "2026-01-05"})
    row = clerk.part(f"tr:has-text('{plot.other}')")
    assert f"{ITEMS - 1} 项为相同数据" in await row.inner_text()
    await clerk.write(row.locator("input[name=similar_reason]"), REASON)


async def sign(head: Visitor, plot: Plot) -> None:
    """The head finds it on the workbench."""
    await head.area("工作台")
    await head.follow(plot.name)
    await head.sees(REASON)
    await head.fill({"leader_name": "黄某", "signed_on": "2026-01-06"})
    await head.press("签批并送审")
    await head.told("已签批并送审")


async def review(authority: Visitor, plot: Plot) -> None:
    await authority.area("目录")
    await find(authority, plot)
    await authority.sees(REASON)
    await authority.press("审核通过")
    await authority.told("审核通过")
    await authority.press("发布")
    await authority.told("已发布")


async def find(visitor: Visitor, plot: Plot) -> None:
    await visitor.fill({"q": plot.name})
    await visitor.press("查找")
    await visitor.follow(plot.name)
