"""Files that people upload: checked by rows, loaded whole or in part, never twice by one form."""

from gateway.workbooks.records import ROWS_MAX
from tests.support.browsing import Browser, Page, browsing
from tests.support.jobs import ended
from tests.support.world import World

RIGHT = "id,name,amount\n甲,一,1\n乙,二,2.0\n"
WRONG = "id,name,amount\n丙,三,3\n丁,,x\n"


async def sent(browser: Browser, page: Page, content: str, go: str) -> Page:
    form = page.form("/upload")
    data = {"token": form.fields["token"][0], "once": form.fields["once"][0], "go": go}
    answer = await browser.http.post(
        form.action,
        data=data,
        files={"file": ("数据.csv", content.encode("gbk"))},
        headers={"Origin": browser.base_url},
    )
    return Page(answer)


async def test_a_file_is_checked_then_loaded_and_what_is_wrong_waits_in_quarantine(
    world: World,
) -> None:
    department = await world.department()
    resource = await world.resource(department)
    path = f"/console/resources/{resource}/upload"
    async with browsing(world.base_url, department.clerk) as browser:
        page = await browser.open(path)
        checked = await sent(browser, page, WRONG, "check")
        assert "合格 1 条，不合格 1 条。尚未保存" in checked.text, checked.text
        refused = await sent(browser, page, WRONG, "load")
        assert "尚未保存" in refused.text
        loaded = await sent(browser, page, RIGHT, "load")
        assert "已入库 2 条，进入隔离区 0 条" in loaded.text
        again = await sent(browser, page, RIGHT, "load")
        assert receipts(again) == receipts(loaded)
        anew = await sent(browser, await browser.open(path), RIGHT, "load")
        assert receipts(anew) != receipts(loaded)
        parted = await sent(browser, page, WRONG, "load-valid")
        assert "已入库 1 条，进入隔离区 1 条" in parted.text
        page = await browser.open(path)
        (entry,) = [
            value
            for each in page.answer.text.split('name="entry" value="')[1:]
            for value in [each.partition('"')[0]]
        ]
        emptied = await browser.send(page, "/resolve", entry=[entry])
        assert "隔离区 这些记录没有入库" not in emptied.text


async def test_a_file_is_chosen_once_for_all_buttons(world: World) -> None:
    """It had to be chosen again for each: browsers empty the field of a page that is shown."""
    department, stranger = await world.department(), await world.department()
    resource, other = await world.resource(department), await world.resource(stranger)
    path = f"/console/resources/{resource}/upload"
    async with browsing(world.base_url, department.clerk) as browser:
        checked = await sent(browser, await browser.open(path), RIGHT, "check")
        assert "已收到文件： 数据.csv" in checked.text
        book = await browser.send(checked, "/upload", go="book")
        assert book.answer.headers["content-type"].startswith("application/vnd.openxml")
        loaded = await browser.send(checked, "/upload", go="load")
        assert "已入库 2 条，进入隔离区 0 条" in loaded.text, loaded.text
        assert receipts(await browser.send(checked, "/upload", go="load")) == receipts(loaded)
        chosen = checked.form("/upload").fields["chosen"]
        gone = await browser.send(checked, "/upload", go="load", chosen=["1.AAAA"])
        assert (gone.status, "请重新选择" in gone.text) == (422, True)
        nothing = await browser.send(loaded, "/upload", go="check")
        assert "请选择文件" in nothing.text
    async with browsing(world.base_url, stranger.clerk) as browser:
        page = await browser.open(f"/console/resources/{other}/upload")
        page = await browser.send(page, "/upload", go="check", chosen=chosen)
        assert (page.status, "请重新选择" in page.text) == (422, True), "another's file"


async def test_a_file_of_more_rows_than_are_read_at_once_becomes_a_job(world: World) -> None:
    department = await world.department()
    resource = await world.resource(department)
    path = f"/console/resources/{resource}/upload"
    rows = "".join(f"r{n},一,1\n" for n in range(ROWS_MAX + 1))
    async with browsing(world.base_url, department.clerk) as browser:
        page = await browser.open(path)
        first = await sent(browser, page, f"id,name,amount\n{rows}末,,1\n", "load")
        again = await sent(browser, page, f"id,name,amount\n{rows}末,,1\n", "load")
        assert first.path.startswith("/console/jobs/"), first.text
        assert again.path == first.path, "a form that is sent twice begins one job"
        job = await ended(department.clerk, first.path.rpartition("/")[2])
        assert (job["status"], job["done"], job["errors_count"]) == ("done", 0, 1), job
        page = await browser.open(first.path)
        assert "没有任何记录入库" in page.text
        loads = await browser.send(page, "/upload", go="load-valid")
        job = await ended(department.clerk, loads.path.rpartition("/")[2])
        assert job["done"] == ROWS_MAX + 1, job
        assert "没有任何记录入库" not in (await browser.open(loads.path)).text


async def test_others_do_not_upload(world: World) -> None:
    department, stranger = await world.department(), await world.department()
    resource = await world.resource(department)
    path = f"/console/resources/{resource}/upload"
    async with browsing(world.base_url, stranger.clerk) as browser:
        assert (await browser.open(path)).status == 403
    async with browsing(world.base_url, world.operator) as browser:
        assert (await browser.open(path)).status == 403


def receipts(page: Page) -> list[str]:
    return [each.partition("…")[0] for each in page.text.split("回执 ")[1:]]
