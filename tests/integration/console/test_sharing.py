"""Applying, answering and supervising by pages."""

from kernel.workbooks.reading import tables
from tests.support.browsing import browsing
from tests.support.eventually import eventually
from tests.support.world import World, unique

ASKED = {
    "basis": "政务数据共享条例",
    "scenario": "办理登记",
    "scope": "登记处室",
    "valid_until": "2098-12-31",
    "commitment": "yes",
}


async def test_one_form_applies_for_two_resources_and_one_is_agreed_to_in_part(
    world: World,
) -> None:
    provider, consumer = await world.department(), await world.department()
    await world.client(consumer)
    masked = await world.items(
        {"name": "id", "key": True},
        {"name": "phone", "mask": {"kind": "partial", "keep_start": 3, "keep_end": 2}},
    )
    resources = [await world.resource(provider, masked), await world.resource(provider)]
    async with browsing(world.base_url, consumer.clerk) as clerk:
        query = "&".join(f"resource={each}" for each in resources)
        page = await clerk.open(f"/console/applications/new?{query}")
        bundle = await clerk.send(page, "/applications/new", title="登记所需", **ASKED)
        links = [each for each in bundle.links if each.startswith("/console/applications/0")]
        assert len(links) == 2, bundle.text
        assert not any(form.action.endswith("/sign") for form in bundle.forms)
    async with browsing(world.base_url, consumer.head) as head:
        signed = await head.send(await head.open(bundle.path), "/sign")
        assert "待答复" in signed.text
        assert "登记所需" in (await head.open("/console/bundles", status="open")).text
    async with browsing(world.base_url, provider.head) as answering:
        pages = [await answering.open(link) for link in links]
        (page,) = [each for each in pages if "phone" in each.text]
        real = await answering.open(page.path, example="1")
        assert "还没有已入库的记录" in real.text or "最新数据正在汇集" in real.text
        agreed = await answering.send(page, "/agree", items=["id"])
        assert "已同意" in agreed.text, agreed.text
        (other,) = [each for each in pages if "phone" not in each.text]
        refused = await answering.send(other, "/refuse", code="2", reason="由其他部门提供")
        assert "不予共享" in refused.text
        page = await answering.open(_subscription(agreed.links))
        assert page.status == 200
        assert "phone" not in page.text


async def test_resources_are_gathered_in_the_basket_and_a_list_is_taken_away(
    world: World,
) -> None:
    provider, consumer = await world.department(), await world.department()
    name = unique("资源")
    resource = await world.resource(provider, name=name)
    async with browsing(world.base_url, consumer.clerk) as clerk:
        page = await clerk.open("/console/catalogue", q=name)
        page = await clerk.send(page, "/choose", resource=resource, go="basket")
        assert page.path == "/console/basket"
        assert name in page.text
        page = await clerk.send(page, "/console/basket", resource=resource)
        assert "清单是空的" in page.text
        book = await clerk.http.get("/console/catalogue", params={"q": name, "as": "xlsx"})
        assert book.status_code == 200
        (row,) = tables(book.content, ["list"], is_csv=False)["list"].rows
        assert any(name in cell.text for cell in row.cells.values())
        assert (await clerk.open("/console/basket", **{"as": "xlsx"})).status == 404


async def test_rows_are_filtered_and_a_draft_is_changed(world: World) -> None:
    provider, consumer = await world.department(), await world.department()
    await world.client(consumer)
    items = await world.items({"name": "id", "key": True}, {"name": "kind"})
    resource = await world.resource(provider, items)
    async with browsing(world.base_url, consumer.clerk) as clerk:
        page = await clerk.open(f"/console/applications/new?resource={resource}")
        rows = {
            f"filter_item_{resource}": ["kind", "", ""],
            f"filter_op_{resource}": ["in", "eq", "eq"],
            f"filter_value_{resource}": ["甲、乙", "", ""],
        }
        page = await clerk.send(page, "/applications/new", **ASKED, **rows)
        assert "属于其中之一" in page.text, page.text
        assert "甲、乙" in page.text
        page = await clerk.send(page, "/change", scope="登记处")
        assert "登记处" in page.text
    async with browsing(world.base_url, consumer.head) as head:
        page = await head.send(page := await head.open(page.path), "/sign")
        assert not any(form.action.endswith("/change") for form in page.forms)


async def test_the_authority_sends_an_application_to_the_right_source(world: World) -> None:
    wrong, right = await world.department(), await world.department()
    items = await world.items({"name": "id", "key": True})
    first = await world.resource(wrong, items)
    second = await world.resource(right, items)
    consumer = await world.department()
    client = await world.client(consumer)
    application = await world.application(first, consumer, client)
    await consumer.head.ask("POST", f"/v1/applications/{application}/sign")
    async with browsing(world.base_url, world.authority) as authority:
        page = await authority.open(f"/console/applications/{application}")
        page = await authority.send(page, "/reroute", resource_id=second, reason="数源部门提供")
        assert "已转至数源部门" in page.text, page.text


async def test_a_subscription_is_suspended_with_the_time_of_its_last_byte(world: World) -> None:
    sharing = await world.sharing()
    path = f"/console/subscriptions/{sharing.subscription}"
    async with browsing(world.base_url, sharing.consumer.head) as consumer:
        page = await consumer.open(path)
        assert sharing.subscriber.id in page.answer.text
        assert not any(form.action.endswith("/suspend") for form in page.forms)
    async with browsing(world.base_url, sharing.provider.head) as head:
        page = await head.open(path)
        page = await head.send(page, "/suspend", reason="超范围使用", remedy_by="2098-12-31")
        assert "已暂停" in page.text
        assert "停止指令于" in page.text
        page = await head.send(page, "/resume")
        assert "有效" in page.text


async def test_other_departments_see_nothing_of_it(world: World) -> None:
    sharing = await world.sharing()
    stranger = await world.department()
    async with browsing(world.base_url, stranger.clerk) as browser:
        page = await browser.open(f"/console/subscriptions/{sharing.subscription}")
        assert page.status == 404


async def test_a_refusal_is_explained_by_its_correlation_id(world: World) -> None:
    sharing = await world.sharing()
    answer = await sharing.subscriber.get(f"/v1/resources/{sharing.resource}/quarantine")
    assert answer.status_code == 404
    correlation = answer.headers["exchange-correlation-id"]
    async with browsing(world.base_url, sharing.consumer.head) as browser:

        async def explained() -> bool:
            # Refusals are kept behind the answer, a few at a time.
            page = await browser.open("/console/refusals", correlation_id=correlation)
            return "对象是否可见" in page.text

        await eventually(explained)
        page = await browser.open("/console/refusals", correlation_id=correlation)
        assert f"/console/catalogue/{sharing.resource}" in page.links, "what it was about"
        page = await browser.open("/console/refusals", correlation_id="nothing")
        assert "没有找到" in page.text


async def test_a_secret_is_shown_once(world: World) -> None:
    department = await world.department()
    async with browsing(world.base_url, department.head) as browser:
        page = await browser.open("/console/clients/new")
        made = await browser.send(
            page, "/clients/new", name="测试系统", scopes=["catalog:read", "records:read"]
        )
        assert "密钥只显示这一次" in made.text
        (link,) = {each for each in made.links if "client_id=" in each}
        page = await browser.open(f"/console/clients/{link.partition('=')[2]}")
        assert "密钥只显示这一次" not in page.text


async def test_whoever_reloads_a_page_with_a_secret_makes_no_second_one(world: World) -> None:
    """A reload ended the secret that had just been noted down, and registered a system twice."""
    department = await world.department()
    async with browsing(world.base_url, department.head) as browser:
        page = await browser.open("/console/clients/new")
        sent = {
            **page.form("/clients/new").fields,
            "name": unique("系统"),
            "scopes": "catalog:read",
        }
        made = await browser.post("/console/clients/new", sent)
        again = await browser.post("/console/clients/new", sent)
        assert "已经提交过，没有重复办理" in again.text
        (client_id,) = {each.partition("=")[2] for each in made.links if "client_id=" in each}
        assert again.path == f"/console/clients/{client_id}"
        for _reload in range(2):
            page = await browser.post(f"{again.path}/rotate", again.form("/rotate").fields)
        assert "已经提交过，没有重复办理" in page.text
        page = await browser.send(page, "/rotate")
        assert "密钥只显示这一次" in page.text


async def test_the_authority_settles_a_contest_on_one_page(world: World) -> None:
    first, second = await world.department(), await world.department()
    element = await world.element()
    await world.source(first, element, designate=False)
    async with browsing(world.base_url, second.head) as browser:
        page = await browser.open(f"/console/sources/{element}")
        page = await browser.send(page, "/claim", legal_basis="桂政发〔2016〕59号")
        assert "有争议" in page.text
        assert not any(form.action.endswith("/designate") for form in page.forms)
    async with browsing(world.base_url, world.authority) as browser:
        page = await browser.open(f"/console/sources/{element}")
        assert first.name in page.text
        assert second.name in page.text
        page = await browser.send(page, "/designate", reason="依职责")
        assert "已确认为数源" in page.text


def _subscription(links: list[str]) -> str:
    return next(each for each in links if each.startswith("/console/subscriptions/"))
