"""The operator sees what flows and finds a record; a suspension is read by both sides."""

from dataclasses import dataclass

from tests.browser.stage import Stage, Visitor
from tests.support.eventually import eventually
from tests.support.world import Sharing, World, unique

KEY, VALUE = "登记-0001", "黄某的记录"


@dataclass(frozen=True)
class Plot:
    """The consumer has read the record that the operator looks for."""

    sharing: Sharing
    name: str


async def plot(world: World) -> Plot:
    sharing = await world.sharing()
    await sharing.publisher.publish(sharing.resource, [{"id": KEY, "name": VALUE, "amount": 1}])
    assert (await sharing.subscriber.pull_all(sharing.subscription)).records
    shown = await world.authority.ask("GET", f"/v1/resources/{sharing.resource}")
    return Plot(sharing, shown["name"])


async def play(stage: Stage, world: World, plot: Plot) -> None:
    operator = await stage.enter(world.operator)
    await watch(operator)
    await find(operator, plot)
    await report(operator)
    await suspend(await stage.enter(world.authority), plot)
    for party in (plot.sharing.provider.head, plot.sharing.consumer.head):
        await read(await stage.enter(party))


async def watch(operator: Visitor) -> None:
    """Flow, latency and lag, each with the figures beside its drawing; brokers and processes."""
    await operator.area("运行")
    told = await operator.text()
    for words in ("消息集群", "个分区，正常", "本节点的流量", "应答用时 P99", "全平台的流量"):
        assert words in told, told
    assert await operator.part(".charts table").count() > 0
    assert await operator.part("tbody .tag.good").count() > 0


async def find(operator: Visitor, plot: Plot) -> None:
    """From the catalogue, by key: the place in the log, and nothing of the record itself."""
    await operator.area("目录")
    await operator.fill({"q": plot.name})
    await operator.press("查找")
    await operator.follow(plot.name)
    await operator.follow("查找记录")

    async def found() -> bool:
        await operator.fill({"key": KEY})
        await operator.press("查找")
        return await operator.part("dt:text('所在批次的摘要')").count() > 0

    # The first who asks has the resource folded.
    await eventually(found)
    told = await operator.text()
    assert "SHA-256" in told
    assert VALUE not in told
    await operator.fill({"key": unique("无")})
    await operator.press("查找")
    await operator.sees("没有这个主键的记录")


async def report(operator: Visitor) -> None:
    await operator.area("运行")
    await operator.follow("压测报告")
    await operator.sees("结论")
    await operator.sees("与对照相比")


async def suspend(authority: Visitor, plot: Plot) -> None:
    await authority.area("授权")
    await authority.follow(plot.name)
    await authority.open("暂停")
    await authority.fill({"reason": "超范围使用", "remedy_by": "2098-12-31"})
    await authority.press("暂停提供")
    await authority.sees("停止指令于")


async def read(party: Visitor) -> None:
    """Either party reads within how many milliseconds the last byte had left."""
    await party.area("授权")
    await party.take("tbody a[href^='/console/subscriptions/']")

    async def measured() -> bool:
        await party.go(party.path)
        return "毫秒内发出了最后一个字节" in await party.text()

    await eventually(measured)
    await party.sees("超范围使用")
