"""Records of one's own: corrected in quarantine, found by key."""

from tests.integration.console.test_uploads import WRONG, sent
from tests.support.browsing import Page, browsing
from tests.support.eventually import eventually
from tests.support.world import World


async def test_a_record_is_corrected_in_quarantine_and_found_by_its_key(world: World) -> None:
    department, stranger = await world.department(), await world.department()
    resource = await world.resource(department)
    base = f"/console/resources/{resource}"
    async with browsing(world.base_url, department.clerk) as clerk:
        page = await sent(clerk, await clerk.open(f"{base}/upload"), WRONG, "load-valid")
        assert f"{base}/quarantine" in page.links
        page = await clerk.open(f"{base}/quarantine")
        (entry,) = page.form("/correct").fields["entry"]
        assert page.form("/correct").fields[f"{entry}:id"] == ["丁"]
        wrong = await clerk.send(page, "/correct", **{f"{entry}:name": "四"})
        assert wrong.status == 422, wrong.text
        assert wrong.form("/correct").fields[f"{entry}:amount"] == ["x"]
        typed = {f"{entry}:name": "四", f"{entry}:amount": "4.0"}
        page = await clerk.send(wrong, "/correct", **typed)
        assert "隔离区没有记录" in page.text, page.text
        found: list[Page] = []

        async def folded() -> bool:
            found[:] = [await clerk.post(f"{base}/records", {"token": token, "key": "丁"})]
            return "4" in found[0].text and found[0].status == 200

        token = page.form("/sign-out").fields["token"][0]
        await eventually(folded)
        assert "四" in found[0].text
        assert "丙" in (await clerk.open(f"{base}/records")).text
        missing = await clerk.post(f"{base}/records", {"token": token, "key": "无"})
        assert missing.status == 404
    async with browsing(world.base_url, stranger.clerk) as clerk:
        for part in ("records", "quarantine"):
            assert (await clerk.open(f"{base}/{part}")).status == 403


async def test_the_operator_sees_the_pace_of_what_flows(world: World) -> None:
    async with browsing(world.base_url, world.operator) as operator:
        page = await operator.open("/console/status")
        assert "本节点的流量" in page.text
        again = page.answer.text.partition('content="10; url=')[2].partition('"')[0]
        assert again.startswith("/console/status?span="), again
        assert "&amp;at=" in again
        assert (await operator.open("/console/status", at="x", out="-1")).status == 200


async def test_receipts_and_the_ledger_tell_what_came_and_what_left(world: World) -> None:
    provider, consumer = await world.department(), await world.department()
    publisher, client = await world.client(provider), await world.client(consumer)
    resource = await world.resource(provider)
    application = await world.application(resource, consumer, client)
    await consumer.head.ask("POST", f"/v1/applications/{application}/sign")
    async with browsing(world.base_url, provider.head) as head:
        page = await head.open(f"/console/applications/{application}")
        page = await head.send(page, "/agree", ledger="yes")
        subscription = next(each for each in page.links if "/console/subscriptions/" in each)
        await publisher.publish(resource, [{"id": "甲", "name": "一", "amount": 1}])
        pulled = await client.pull_all(subscription.rpartition("/")[2])
        assert len(pulled.records) == 1
        page = await head.open(subscription)
        assert f"{subscription}/ledger" in page.links
        told = await head.open(f"{subscription}/ledger")
        assert "交付的记录 1" in told.text, told.text
        assert "取用方尚未确认" in told.text
    async with browsing(world.base_url, provider.clerk) as clerk:

        async def listed() -> bool:
            page = await clerk.open(f"/console/resources/{resource}/receipts")
            return "已入库" in page.text

        await eventually(listed)
    async with browsing(world.base_url, consumer.clerk) as clerk:
        assert (await clerk.open(f"/console/resources/{resource}/receipts")).status == 403


async def test_an_operator_is_told_where_a_record_lies_and_nothing_of_it(world: World) -> None:
    sharing = await world.sharing()
    receipt = await sharing.publisher.publish(
        sharing.resource, [{"id": "丁", "name": "不给看的", "amount": 4}]
    )
    path = f"/console/status/records?resource={sharing.resource}"
    async with browsing(world.base_url, world.operator) as operator:
        page, found = await operator.open(path), list[Page]()

        async def folded() -> bool:
            found[:] = [await operator.send(page, "/status/records", key="丁")]
            return receipt["receipt_id"] in found[0].text

        await eventually(folded)
        assert "不给看的" not in found[0].answer.text
        missing = await operator.send(page, "/status/records", key="无")
        assert "没有这个主键的记录" in missing.text
        asked = {"event": "records.located", "subject_id": sharing.resource}
        told = await world.auditor.ask("GET", "/v1/audit", params=asked)
        assert {"partition": 0, "offset": 0} in [each["details"] for each in told["items"]]
        assert "丁" not in str(told), "a key may be somebody's number"
    for person in (sharing.provider.clerk, sharing.consumer.head, world.authority):
        async with browsing(world.base_url, person) as browser:
            assert (await browser.open(path)).status == 403
