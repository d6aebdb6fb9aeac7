"""What goes on about an entry, by pages: a version announced and answered, changes, lineage."""

from datetime import timedelta

import asyncpg

from deploy.local.stack import Endpoints
from gateway.api.entries import EntryIn
from gateway.console.visit import PAGE_ROWS
from kernel import clock
from kernel.workdays import local_date
from loadtests.copies import copy
from tests.support.browsing import browsing
from tests.support.world import World


async def test_a_page_tells_what_becomes_of_fifty_of_many_grants(
    world: World, endpoints: Endpoints
) -> None:
    """A row for each of 8,575 running grants stood on one page."""
    sharing = await world.sharing()
    connection = await asyncpg.connect(endpoints.database_url)
    try:
        grant = sharing.subscription
        applied = f"subscription_id = '{grant}'"
        await copy(connection, "exchange.application", "id subscription_id", PAGE_ROWS, applied)
        names = "id application_id"
        await copy(connection, "exchange.subscription", names, PAGE_ROWS, f"id = '{grant}'")
    finally:
        await connection.close()
    clerk, path = sharing.provider.clerk, f"/console/catalogue/{sharing.resource}/impact"
    await clerk.ask("POST", f"/v1/resources/{sharing.resource}/revise")
    async with browsing(world.base_url, clerk) as browser:
        page = await browser.open(path)
        assert "共 51 项授权" in page.text, page.text
        [following] = {link for link in page.links if "cursor=" in link}
        rest = await browser.open(following)
    grants = [{link for link in each.links if "/subscriptions/" in link} for each in (page, rest)]
    assert [len(each) for each in grants] == [PAGE_ROWS, 1]
    assert not grants[0] & grants[1]


async def test_a_version_is_announced_and_its_user_objects(world: World) -> None:
    sharing = await world.sharing([{"name": "id", "key": True}, {"name": "phone"}])
    path, used = f"/console/catalogue/{sharing.resource}", sharing.subscription
    clerk, entry = sharing.provider.clerk, f"/v1/resources/{sharing.resource}"
    await clerk.ask("POST", f"{entry}/revise")
    shown = await clerk.ask("GET", entry)
    body = {name: shown[name] for name in EntryIn.model_fields}
    body["items"] = [item for item in shown["items"] if item["name"] == "id"]
    await clerk.ask("PUT", entry, body, headers={"If-Match": f'"{shown["revision"]}"'})
    async with browsing(world.base_url, clerk) as browser:
        page = await browser.open(f"{path}/impact")
        assert "将受损" in page.text, page.text
        page = await browser.open(f"{path}/lineage")
        assert "<svg" in page.answer.text
        assert sharing.consumer.name in page.text
    await world.approve(sharing.resource)
    async with browsing(world.base_url, sharing.provider.head) as head:
        page = await head.open(path)
        early = await head.send(page, "/announce", effective_on="2001-01-01", reason="调整")
        assert early.status == 422
        later = (local_date(clock.now()) + timedelta(days=300)).isoformat()
        page = await head.send(page, "/announce", effective_on=later, reason="调整")
        assert "未答复" in page.text, page.text
    async with browsing(world.base_url, sharing.consumer.head) as consumer:
        page = await consumer.open(f"/console/subscriptions/{used}")
        page = await consumer.send(page, "/object", reason="仍需使用")
        assert "有异议" in page.text, page.text
        page = await consumer.send(page, "/accept-version")
        assert not any(form.action.endswith("/object") for form in page.forms)


async def test_a_change_is_noticed_and_more_days_are_consented_to(world: World) -> None:
    department = await world.department()
    resource = await world.resource(department)
    path = f"/console/catalogue/{resource}"
    async with browsing(world.base_url, department.head) as head:
        page = await head.open(path)
        today = local_date(clock.now()).isoformat()
        page = await head.send(page, "/change-notice", occurred_on=today, cause="职责调整")
        assert "目录更新时限" in page.text, page.text
        page = await head.send(page, "/change-notice/extend", reason="系统改造")
        assert "已申请延长" in page.text
    async with browsing(world.base_url, world.authority) as authority:
        page = await authority.open(path)
        page = await authority.send(page, "/change-notice/consent")
        assert "已延长" in page.text


async def test_an_entry_is_reviewed_each_year(world: World) -> None:
    department = await world.department()
    path = f"/console/catalogue/{await world.resource(department)}"
    async with browsing(world.base_url, department.head) as head:
        page = await head.open(path)
        assert "年度复核期限" in page.text
        page = await head.send(page, "/yearly-review", outcome="to_change", note="职责已变")
        assert "年度复核已登记" in page.text
        assert "目录更新时限" in page.text
