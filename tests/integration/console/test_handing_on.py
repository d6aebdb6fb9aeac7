"""Files, snapshots and previews, by pages."""

from kernel.workbooks.reading import tables
from tests.integration.exchange.delivery.test_snapshots import shared
from tests.support.browsing import Browser, Page, browsing
from tests.support.eventually import eventually
from tests.support.world import World


async def uploaded(browser: Browser, page: Page, content: bytes, **typed: str) -> Page:
    form = page.form("/files")
    answer = await browser.http.post(
        form.action,
        data={"token": form.fields["token"][0], **typed},
        files={"file": ("统计表.pdf", content, "application/pdf")},
        headers={"Origin": browser.base_url},
    )
    return Page(answer)


async def once(browser: Browser, path: str, words: str) -> Page:
    """Return the page as soon as it says so."""
    seen: list[Page] = []

    async def says() -> bool:
        seen[:] = [await browser.open(path)]
        return words in seen[0].text

    await eventually(says)
    return seen[0]


async def test_a_file_is_handed_on_downloaded_and_taken_back(world: World) -> None:
    provider, consumer = await world.department(), await world.department()
    client = await world.client(consumer)
    resource = await world.resource(provider, share_modes=["file"], grade=2)
    subscription = await world.subscription(resource, consumer, client, mode="file")
    path, shown = f"/console/resources/{resource}/files", f"/console/subscriptions/{subscription}"
    async with browsing(world.base_url, provider.clerk) as clerk:
        assert path in (await clerk.open(f"/console/catalogue/{resource}")).links
        page = await clerk.open(path)
        wrong = await uploaded(clerk, page, b"%PDF", sha256="no digest")
        assert wrong.status == 400
        assert "64 位" in wrong.text
        assert "已收到" in (await uploaded(clerk, page, b"%PDF-1", name="年报.pdf")).text
        page = await once(clerk, path, "可下载 ")
        async with browsing(world.base_url, consumer.clerk) as receiver:
            assert f"{shown}/files" in (await receiver.open(shown)).links
            listed = await receiver.open(f"{shown}/files")
            (link,) = [each for each in listed.links if each.startswith(f"{shown}/files/")]
            assert (await receiver.http.get(link)).content == b"%PDF-1"
            page = await clerk.send(page, "/remove")
            assert "已撤回" in page.text
            assert (await receiver.http.get(link)).status_code == 404
    async with browsing(world.base_url, provider.head) as head:
        page = await head.open(path)
        assert not any(form.action.endswith("/files") for form in page.forms)


async def test_a_resource_that_takes_no_files_says_why(world: World) -> None:
    provider = await world.department()
    resource = await world.resource(provider)
    async with browsing(world.base_url, provider.clerk) as clerk:
        page = await clerk.open(f"/console/resources/{resource}/files")
        assert "数据级别不超过 2 级" in page.text
        assert not any(form.action.endswith("/files") for form in page.forms)


async def test_a_snapshot_is_made_downloaded_and_records_are_looked_at(world: World) -> None:
    sharing = await shared(world)
    path = f"/console/subscriptions/{sharing.subscription}"
    async with browsing(world.base_url, sharing.consumer.clerk) as clerk:
        page = await clerk.open(f"{path}/files")
        assert "请生成快照" in page.text or "可生成快照" in page.text, "masked: no whole files"
        page = await clerk.send(page, "/snapshots", format="xlsx")
        page = await once(clerk, f"{path}/files", "可下载 ")
        (link,) = [each for each in page.links if "/snapshots/" in each]
        book = await clerk.http.get(link)
        assert len(tables(book.content, ["数据"], is_csv=False)["数据"].rows) > 1
        page = await clerk.send(page, "/snapshots/remove")
        assert "快照已删除" in page.text
        assert (await clerk.http.get(link)).status_code == 404
        looked = await clerk.send(await clerk.open(f"{path}/preview"), "/preview")
        assert "***" in looked.text, looked.text
    async with browsing(world.base_url, sharing.consumer.head) as head:
        page = await head.open(f"{path}/files")
        assert not any(form.action.endswith("/snapshots") for form in page.forms)
    async with browsing(world.base_url, sharing.provider.head) as provider:
        assert (await provider.open(f"{path}/preview")).status == 404
        assert f"{path}/preview" not in (await provider.open(path)).links
