"""运行 · 各授权的落后: operators see who is how far behind, and nothing of any record."""

from kernel import paging
from tests.support.browsing import Browser, browsing
from tests.support.eventually import eventually
from tests.support.world import World

ADDRESS = "/console/status/subscriptions"


async def listed(operator: Browser, **query: str) -> list[str]:
    """Return the links of all pages of the list: other tests' grants are in it, too."""
    links: list[str] = []
    place = 0
    while (page := await operator.open(ADDRESS, **query)).status == 200:
        links += page.links
        place += 50
        query["cursor"] = paging.encode(str(place))
        if not any("cursor=" in each for each in page.links):
            break
    return links


async def test_operators_see_who_lies_behind_place_by_place_and_no_values(world: World) -> None:
    never, reads = await world.sharing(partitions=2), await world.sharing()
    rows = [{"id": f"键{n}", "name": "不给看的", "amount": n} for n in range(30)]
    for each in (never, reads):
        await each.publisher.publish(each.resource, rows)
    pulled = await reads.subscriber.pull_all(reads.subscription)
    where = f"/v1/subscriptions/{reads.subscription}/position"
    await reads.subscriber.ask("PUT", where, {"cursor": pulled.cursor})
    async with browsing(world.base_url, world.operator) as operator:
        assert ADDRESS in (await operator.open("/console/status")).links
        behind, ahead = (f"{ADDRESS}/{each.subscription}" for each in (never, reads))

        async def are_listed() -> bool:
            # One look serves for a while, and may be of the time before.
            return {behind, ahead} <= {*await listed(operator)}

        await eventually(are_listed, within_seconds=30)
        links = await listed(operator)
        assert links.index(behind) < links.index(ahead), "the slowest stands first"
        page = await operator.open(ADDRESS)
        told = (await operator.open(behind)).text
        assert "尚无" in told
        assert "不给看的" not in told + page.text
        assert "尚无" not in (await operator.open(ahead)).text
        silent = await listed(operator, sort="silence")
        assert silent.index(behind) < silent.index(ahead)
        assert behind not in await listed(operator, only="gap")
        assert (await operator.open(ADDRESS, sort="nonsense")).status == 200
        assert (await operator.open(ADDRESS, cursor="x")).status == 400
        assert (await operator.open(f"{ADDRESS}/nothing")).status == 404
    async with browsing(world.base_url, never.consumer.head) as head:
        assert (await head.open(ADDRESS)).status == 403
        assert (await head.open(behind)).status == 403
