"""Disputes by pages: opened where the thing is, answered, decided, appealed and concluded."""

from tests.support.browsing import browsing
from tests.support.world import World


async def test_a_dispute_about_use_is_taken_to_the_government(world: World) -> None:
    sharing = await world.sharing()
    path = f"/console/subscriptions/{sharing.subscription}"
    async with browsing(world.base_url, sharing.provider.head) as provider:
        page = await provider.open(path)
        (link,) = [each for each in page.links if "/disputes/new" in each]
        opened = await provider.send(await provider.open(link), "/new", claim="超范围使用")
        assert sharing.consumer.name in opened.text
        assert "对方尚未答复" in opened.text
        assert not any(form.action.endswith("/decide") for form in opened.forms)
        again = await provider.open(path)
        assert opened.path in again.links, "the open one is led to, no second is offered"
    async with browsing(world.base_url, sharing.consumer.head) as consumer:
        page = await consumer.open(opened.path)
        page = await consumer.send(page, "/reply", reply="按申请的范围使用")
        assert "协商中" in page.text
        page = await consumer.send(page, "/settle", text="双方另行约定")
        assert "等待对方同意" in page.text
    async with browsing(world.base_url, world.authority) as authority:
        page = await authority.open(opened.path)
        page = await authority.send(page, "/decide", decision="partly", reason="依职责")
        assert "部分支持" in page.text
    async with browsing(world.base_url, sharing.provider.head) as provider:
        page = await provider.open(opened.path)
        page = await provider.send(page, "/appeal", reason="不服裁决")
        assert "待人民政府决定" in page.text
    async with browsing(world.base_url, world.authority) as authority:
        page = await authority.open(opened.path)
        page = await authority.send(
            page, "/conclude", decision="upheld", document="桂政函〔2026〕1号"
        )
        assert "已了结" in page.text
        assert "桂政函〔2026〕1号" in page.text
        listed = await authority.open("/console/disputes", role="authority", status="closed")
        assert opened.path in listed.links


async def test_a_proposal_that_the_other_side_agrees_to_closes_it(world: World) -> None:
    sharing = await world.sharing()
    query = f"kind=catalogue&about={sharing.resource}"
    async with browsing(world.base_url, sharing.consumer.head) as consumer:
        page = await consumer.open(f"/console/disputes/new?{query}")
        opened = await consumer.send(page, "/new", claim="目录与实际不符")
    async with browsing(world.base_url, sharing.provider.head) as provider:
        page = await provider.open(opened.path)
        page = await provider.send(page, "/settle", text="本月更新目录")
    async with browsing(world.base_url, sharing.consumer.head) as consumer:
        page = await consumer.open(opened.path)
        page = await consumer.send(page, "/settle")
        assert "双方已同意" in page.text, page.text


async def test_outsiders_open_and_see_no_dispute(world: World) -> None:
    sharing = await world.sharing()
    stranger = await world.department()
    async with browsing(world.base_url, stranger.head) as browser:
        page = await browser.open(f"/console/disputes/new?kind=use&about={sharing.subscription}")
        assert page.status == 404
        page = await browser.open("/console/disputes/new?kind=nothing&about=1")
        assert page.status == 404
