"""目录 · 契约: what machines are given, as text; and sample records that publishing takes."""

from tests.support.browsing import browsing
from tests.support.world import World


async def test_the_contract_can_be_read_and_its_samples_can_be_published(world: World) -> None:
    provider, other = await world.department(), await world.department()
    publisher = await world.client(provider)
    items = [
        {"name": "id", "label": "编号", "key": True},
        {"name": "note", "label": "<b>备注</b>", "required": False},
    ]
    resource = await world.resource(provider, items)
    entry = f"/console/catalogue/{resource}"
    async with browsing(world.base_url, other.clerk) as browser:
        page = await browser.open(entry)
        assert "示例（虚构）" in page.text
        assert "示例<b>备注</b>" in page.text
        assert f"{entry}/contract?version=1" in page.links
        page = await browser.open(f"{entry}/contract")
        assert "全部是虚构的" in page.text
        assert "第二条的可空项都为空（null）" in page.text
        assert '"$schema": "https://json-schema.org/draft/2020-12/schema"' in page.text
        assert "<b>备注" not in page.answer.text
        schema = await browser.open(f"{entry}/contract/schema", version="1")
        told = await other.clerk.get(f"/v1/resources/{resource}/schema")
        assert schema.answer.json() == told.json()
        assert "attachment" in schema.answer.headers["content-disposition"]
        samples = (await browser.open(f"{entry}/contract/examples")).answer
        for wrong in ("2", "0", "x", "9999999999"):
            assert (await browser.open(f"{entry}/contract", version=wrong)).status == 404
        # The form to fill in is for those who upload.
        assert (await browser.open(f"/console/resources/{resource}/template")).status == 403
    first, second = samples.text.splitlines()
    assert '"note":null' in second
    assert told.json()["examples"][0]["id"] in first
    receipt = await publisher.publish(resource, told.json()["examples"])
    assert receipt["accepted"] == 2
    async with browsing(world.base_url, provider.clerk) as browser:
        page = await browser.open(f"/console/resources/{resource}/upload")
        assert f"/console/resources/{resource}/template" in page.links
        book = await browser.open(f"/console/resources/{resource}/template")
        assert book.answer.content.startswith(b"PK")


async def test_an_entry_of_which_no_sample_can_be_made_says_which_item_it_is(world: World) -> None:
    provider = await world.department()
    element = await world.element(pattern="[0-9]{6}", min_length=7)
    await world.source(provider, element)
    hopeless = {"name": "code", "label": "矛盾项", "required": True, "element": element}
    items = [{"name": "id", "label": "编号", "key": True}, {**hopeless, "role": "source"}]
    resource = await world.resource(provider, items)
    entry = f"/console/catalogue/{resource}"
    async with browsing(world.base_url, provider.clerk) as browser:
        page = await browser.open(f"{entry}/contract")
        assert "写不出合格的示例" in page.text
        assert "没有写出示例值的信息项： 矛盾项" in page.text
        assert "示例（虚构）" not in (await browser.open(entry)).text
        assert (await browser.open(f"{entry}/contract/examples")).status == 404
        assert "examples" not in (await browser.open(f"{entry}/contract/schema")).answer.json()
