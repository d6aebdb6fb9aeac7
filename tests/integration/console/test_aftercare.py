"""What follows a grant, by pages: renewal, amendment, use records, disposal."""

from kernel.clock import now
from kernel.workdays import local_date
from tests.support.browsing import browsing
from tests.support.world import World


async def test_a_subscription_is_amended_and_renewed_by_applications(world: World) -> None:
    sharing = await world.sharing(
        [{"name": "id", "key": True}, {"name": "name"}, {"name": "phone"}],
        granted=["id", "name"],
        valid_until="2097-12-31",
    )
    path = f"/console/subscriptions/{sharing.subscription}"
    async with browsing(world.base_url, sharing.consumer.clerk) as clerk:
        page = await clerk.open(path)
        drafted = await clerk.send(page, "/amend", items=["id", "name", "phone"], quota="500")
        assert "变更申请" in drafted.text
        page = await clerk.open(path)
        assert drafted.path in page.links
        offered = {form.action.rpartition("/")[2] for form in page.forms}
        assert not offered & {"amend", "renew"}, "one is open already"
        await clerk.send(drafted, "/withdraw")
        renewal = await clerk.send(await clerk.open(path), "/renew", valid_until="2098-12-31")
        assert "续期申请" in renewal.text
    async with browsing(world.base_url, sharing.consumer.head) as head:
        await head.send(await head.open(renewal.path), "/sign")
    async with browsing(world.base_url, sharing.provider.head) as head:
        page = await head.open(renewal.path)
        page = await head.send(page, "/agree")
        assert "已同意" in page.text, page.text
        assert "2098-12-31" in (await head.open(path)).text


async def test_use_is_recorded_and_the_data_disposed_of(world: World) -> None:
    sharing = await world.sharing()
    path, today = f"/console/subscriptions/{sharing.subscription}", str(local_date(now()))
    said = {"scenario": "登记", "process": "比对", "effect": "少跑路", "storage": "本地库"}
    async with browsing(world.base_url, sharing.consumer.head) as head:
        page = await head.open(path)
        page = await head.send(
            page, "/usage-records", period_from="2001-01-01", period_to=today, **said
        )
        assert page.status == 422
        assert "不得早于授权之日" in page.text
        page = await head.send(page, "/terminate", end_reason="业务终止")
        assert "待处置" in page.text
        page = await head.send(page, "/disposal", method="覆盖删除", done_on=today)
        assert "待提供方确认" in page.text, page.text
    async with browsing(world.base_url, sharing.provider.head) as provider:
        page = await provider.open(path)
        assert not any(form.action.endswith("/usage-records") for form in page.forms)
        page = await provider.send(page, "/disposal/return", reason="备份未删")
        assert "待重新处置" in page.text
    async with browsing(world.base_url, sharing.consumer.head) as head:
        page = await head.open(path)
        page = await head.send(page, "/disposal", method="含备份", done_on=today)
    async with browsing(world.base_url, sharing.provider.head) as provider:
        page = await provider.send(await provider.open(path), "/disposal/confirm")
        assert "已确认处置" in page.text
