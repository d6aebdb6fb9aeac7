"""Corrections, orders, violations and indicators, by pages."""

from datetime import timedelta

from kernel import clock
from kernel.workdays import local_date
from tests.support.browsing import browsing
from tests.support.world import World

IN_TIME = timedelta(days=30)


async def test_a_missing_record_is_objected_to_and_answered(world: World) -> None:
    sharing = await world.sharing()
    path = f"/console/corrections/new?subscription={sharing.subscription}"
    async with browsing(world.base_url, sharing.consumer.clerk) as clerk:
        page = await clerk.open(path)
        raised = await clerk.send(page, "/new", key="a-1", problem="missing", description="缺少")
        assert "待受理" in raised.text, raised.text
        assert not any(form.action.endswith("/accept") for form in raised.forms)
    async with browsing(world.base_url, sharing.provider.head) as head:
        page = await head.send(await head.open(raised.path), "/accept")
        assert "已受理" in page.text, page.text
        page = await head.send(page, "/reject", reason="本无此记录")
        assert "不予更正" in page.text
        assert raised.path in (await head.open("/console/corrections", role="provider")).links


async def test_a_wrong_value_is_fixed_by_a_receipt_and_confirmed(world: World) -> None:
    sharing = await world.sharing([{"name": "id", "key": True}, {"name": "name"}])
    await sharing.publisher.publish(sharing.resource, [{"id": "a", "name": "张三"}])
    assert len((await sharing.subscriber.pull_all(sharing.subscription)).records) == 1
    async with browsing(world.base_url, sharing.consumer.clerk) as clerk:
        subscription = await clerk.open(f"/console/subscriptions/{sharing.subscription}")
        [path] = [link for link in subscription.links if "/corrections/new?" in link]
        raised = await clerk.send(
            await clerk.open(path), "/new", key="a", description="与户口簿不符", items="name",
            expected_name="张叁",
        )  # fmt: skip
        assert "张叁" in raised.text, raised.text
        receipt = await sharing.publisher.publish(sharing.resource, [{"id": "a", "name": "张叁"}])
        async with browsing(world.base_url, sharing.provider.head) as head:
            page = await head.send(await head.open(raised.path), "/accept")
            page = await head.send(page, "/fix", receipt_id=receipt["receipt_id"])
            assert "已更正，待确认" in page.text, page.text
        page = await clerk.send(await clerk.open(raised.path), "/confirm")
        assert "已确认更正" in page.text, page.text
        assert not any("/confirm" in form.action for form in page.forms)


async def test_an_order_is_issued_answered_and_closed(world: World) -> None:
    department = await world.department()
    async with browsing(world.base_url, world.authority) as authority:
        page = await authority.open("/console/orders/new", department=department.uscc)
        said = {"violations": "conditions_added", "text": "取消附加条件"}
        far = await authority.send(page, "/new", **said, due_on="2098-01-01")
        assert "应在今日起两年内" in far.text
        issued = await authority.send(far, "/new", due_on=local_date(clock.now()) + IN_TIME)
        assert "待整改" in issued.text, issued.text
        counted = await authority.open("/console/violations", article="39")
        assert any("type=conditions_added" in link for link in counted.links)
        cases = await authority.open("/console/violations/cases", type="conditions_added")
        assert issued.path in cases.links
    async with browsing(world.base_url, department.head) as head:
        page = await head.open(issued.path)
        assert not any(form.action.endswith("/close") for form in page.forms)
        page = await head.send(page, "/answer", text="已取消")
        assert "已答复" in page.text, page.text
    async with browsing(world.base_url, world.authority) as authority:
        page = await authority.send(await authority.open(issued.path), "/close")
        assert "已办结" in page.text


async def test_indicators_lead_to_their_cases(world: World) -> None:
    department = await world.department()
    async with browsing(world.base_url, department.head) as head:
        page = await head.open("/console/indicators")
        assert "按时答复率" in page.text
        assert "在时限内同意、拒绝或转办的申请" in page.text
        [cases] = [link for link in page.links if "/indicators/mounted?" in link]
        assert (await head.open(cases)).status == 200
        assert (await head.open("/console/indicators", by="month")).status == 200
        assert (await head.open("/console/indicators/unheard_of")).status == 404
    async with browsing(world.base_url, department.clerk) as clerk:
        assert (await clerk.open("/console/indicators")).status == 403


async def test_flows_and_the_league_are_shown_to_whom_they_concern(world: World) -> None:
    department = await world.department()
    async with browsing(world.base_url, world.authority) as authority:
        page = await authority.open("/console/league", by="department")
        assert "按时比例" in page.text or "还排不出名次" in page.text
        cities = await authority.open("/console/league")
        assert "示意图，不作为行政区划界线依据" in cities.text
        [nanning] = [link for link in cities.links if link.endswith("city=450100")]
        assert "西乡塘" in (await authority.open(nanning)).text
        assert "西乡塘" not in (await authority.open("/console/league", city="<b>")).text
        assert (await authority.open("/console/flows", by="region", measure="bytes")).status == 200
        for address in ("/console/flows", "/console/league"):
            # What still changes renews itself, until it is stopped; what is over does not.
            page = await authority.open(address)
            assert 'data-seconds="15"' in page.answer.text
            [stopped] = [link for link in page.links if "live=0" in link]
            assert "data-seconds" not in (await authority.open(stopped)).answer.text
            over = await authority.open(address, **{"from": "2026-01-01", "to": "2026-01-31"})
            assert over.status == 200
            assert "自动刷新" not in over.text
            assert "data-seconds" not in over.answer.text
        far = await authority.open("/console/flows", **{"from": "2020-01-01", "to": "2026-01-01"})
        assert far.status == 400
    async with browsing(world.base_url, department.head) as head:
        assert "没有数据" in (await head.open("/console/flows")).text
    async with browsing(world.base_url, department.clerk) as clerk:
        assert (await clerk.open("/console/league")).status == 403
