"""A program is refused; its people paste the correlation id and learn why, and what to do."""

from dataclasses import dataclass

from tests.browser.stage import Stage, Visitor
from tests.support.eventually import eventually
from tests.support.world import Sharing, World

WHY = "超范围使用"


@dataclass(frozen=True)
class Plot:
    sharing: Sharing
    correlation: str


async def plot(world: World) -> Plot:
    sharing = await world.sharing()
    path = f"/v1/subscriptions/{sharing.subscription}"
    body = {"reason": WHY, "remedy_by": "2098-12-31"}
    await sharing.provider.head.ask("POST", f"{path}/suspend", body)
    answer = await sharing.subscriber.get(f"{path}/records")
    assert answer.status_code == 403, answer.text
    return Plot(sharing, answer.headers["exchange-correlation-id"])


async def play(stage: Stage, world: World, plot: Plot) -> None:
    head = await stage.enter(plot.sharing.consumer.head)
    await head.area("为何被拒")
    await explained(head, plot.correlation)
    told = await head.part(".error").inner_text()
    assert "没有通过" in told, told
    assert "暂停" in told, told
    await head.area("授权")
    await head.take("tbody a[href^='/console/subscriptions/']")
    await head.sees(WHY)
    await head.sees("2098-12-31")


async def explained(head: Visitor, correlation: str) -> None:
    """Ask until it is known: refusals are kept behind the answer, a few at a time."""

    async def found() -> bool:
        await head.fill({"correlation_id": correlation})
        await head.press("查询原因")
        return await head.part("h2:text('逐项检查')").count() > 0

    await eventually(found)
