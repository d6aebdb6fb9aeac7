"""Three resources of two departments: applied for at once, agreed to in part, and read."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from tests.browser.stage import Stage, Visitor
from tests.support.callers import ClientApp
from tests.support.world import Department, World, unique

RUN_SECONDS = 60


@dataclass(frozen=True)
class Plot:
    """The first two resources are of `first`; `publisher` is its system."""

    consumer: Department
    client: ClientApp
    first: Department
    second: Department
    publisher: ClientApp
    resources: Sequence[str]
    names: Sequence[str]


async def plot(world: World) -> Plot:
    first, second, consumer = [await world.department() for _ in range(3)]
    names = [unique("资源") for _ in range(3)]
    owners = (first, first, second)
    resources = [
        await world.resource(owner, name=name) for owner, name in zip(owners, names, strict=True)
    ]
    client, publisher = await world.client(consumer), await world.client(first)
    return Plot(consumer, client, first, second, publisher, resources, names)


async def play(stage: Stage, world: World, plot: Plot) -> None:
    clerk = await stage.enter(plot.consumer.clerk)
    await ask(clerk, plot)
    await sign(await stage.enter(plot.consumer.head))
    head = await stage.enter(plot.first.head)
    await agree_in_part(head, plot.names[0])
    await refuse(head, plot.names[1])
    await agree_in_part(await stage.enter(plot.second.head), plot.names[2])
    await plot.publisher.publish(plot.resources[0], [{"id": "甲", "name": "黄某", "amount": 1}])
    await clerk.area("授权")
    await clerk.follow(plot.names[0])
    assert "黄某" in await run(await clerk.copied("pre >> nth=0"), plot.client.secret)
    await see(clerk)


async def ask(clerk: Visitor, plot: Plot) -> None:
    for name in plot.names:
        await clerk.area("目录")
        await clerk.fill({"q": name})
        await clerk.press("查找")
        await clerk.take("input[name=resource]")
        await clerk.press("放入申请清单")
        await clerk.sees(name)
    await clerk.press("填写申请")
    await clerk.fill(
        {
            "title": "登记所需",
            "basis": "政务数据共享条例第二十条",
            "scenario": "办理登记时核对",
            "scope": "登记处室",
            "valid_until": "2098-12-31",
        }
    )
    await clerk.take("input[name=commitment]")
    await clerk.press("保存申请")
    await clerk.sees("登记所需")
    assert await clerk.part("tbody a[href^='/console/applications/']").count() == len(plot.names)


async def sign(head: Visitor) -> None:
    await head.follow("登记所需")
    await head.press("签批并提交")
    await head.sees("待答复")


async def agree_in_part(head: Visitor, name: str) -> None:
    """The amount is not given."""
    await head.area("工作台")
    await head.follow(name)
    await head.take("input[name=items][value=amount]")
    await head.press("同意共享")
    await head.told("已同意共享")


async def refuse(head: Visitor, name: str) -> None:
    await head.area("工作台")
    await head.follow(name)
    await head.open("不予共享")
    await head.fill({"code": "4", "reason": "不属于登记所需"})
    await head.press("答复不予共享")
    await head.sees("不予共享")


async def see(clerk: Visitor) -> None:
    await clerk.follow("数据预览")
    await clerk.press("查看记录")
    await clerk.sees("黄某")


async def run(program: str, secret: str) -> str:
    """Run what was copied in a shell of the consumer; return what it prints."""
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", f'cd "$(mktemp -d)" && {{ {program}\n}}',
        env={"SECRET": secret, "PATH": "/usr/bin:/bin"}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), RUN_SECONDS)
    return out.decode()
