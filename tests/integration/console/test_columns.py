"""Columns of uploaded files: their items are said by hand once, and remembered for colleagues."""

import json

from gateway.console.uploads import AT_ONCE_MAX
from tests.integration.console.test_uploads import sent
from tests.support.browsing import Browser, Page, browsing
from tests.support.jobs import ended
from tests.support.world import Department, World

HARM = "<b onx=1>户主"
FOREIGN = f"证号,{HARM},数量,经办人\n1,一,1,乙\n2,二,2,丙\n"
CHOICES = {"证号": "id", HARM: "name", "数量": "amount", "经办人": "-"}


async def answered(browser: Browser, page: Page, go: str, **said: str) -> Page:
    """Choose items of headings, those that are filled in as they stand, and press a button."""
    form = page.form("/upload")
    titles = [json.loads(heading) for heading in form.fields["heading"]]
    items = [said.get(title, item) for title, item in zip(titles, form.fields["item"], strict=True)]
    return await browser.send(page, "/upload", go=go, item=items)


def upload_of(resource: str) -> str:
    return f"/console/resources/{resource}/upload"


async def test_foreign_headings_are_asked_once_and_known_the_second_time(world: World) -> None:
    department, stranger = await world.department(), await world.department()
    resource = await world.resource(department)
    async with browsing(world.base_url, department.clerk) as browser:
        page = await browser.open(upload_of(resource))
        assert "记住的列对应" not in page.text
        asked = await sent(browser, page, FOREIGN, "check")
        assert asked.status == 200
        assert "还没有列对应这些必填项： id 、 name" in asked.text, asked.text
        assert "检查结果" not in asked.text
        assert "<b onx" not in asked.answer.text
        checked = await answered(browser, asked, "check", **CHOICES)
        assert "检查结果：合格 2 条，不合格 0 条" in checked.text, checked.text
        loaded = await browser.send(checked, "/upload", go="load")
        assert "已入库 2 条" in loaded.text
    # A colleague, and another file with the same headings: nothing is asked.
    async with browsing(world.base_url, department.head) as browser:
        page = await browser.open(upload_of(resource))
        assert "证号 id" in page.text
        assert "经办人 不取这一列" in page.text
        more = FOREIGN.replace("1,一,1", "3,三,3")
        checked = await sent(browser, page, more, "check")
        assert "检查结果：合格 2 条，不合格 0 条" in checked.text, checked.text
        assert "其中 4 列按记住的对应关系读取" in checked.text
        # One changes its mind about a column.
        asked = await browser.send(checked, "/upload", go="columns")
        changed = await answered(browser, asked, "check", 数量="-")
        assert "数量 不取这一列" in changed.text
        # A heading that is new is asked for, the others are filled in.
        renamed = FOREIGN.replace("证号", "证件号码")
        asked = await sent(browser, changed, renamed, "check")
        assert "未识别" in asked.text
        assert asked.form("/upload").fields["item"] == ["", "name", "-", "-"]
        gone = await browser.send(await browser.open(upload_of(resource)), "/upload/forget")
        assert "已取消记住的对应关系" in gone.text
        assert "记住的列对应" not in gone.text
        assert "还没有列对应" in (await sent(browser, gone, FOREIGN, "check")).text
    async with browsing(world.base_url, stranger.clerk) as browser:
        assert (await browser.open(upload_of(resource))).status == 403
        own = await browser.open(upload_of(await world.resource(stranger)))
        refused = await browser.post(
            f"{upload_of(resource)}/forget", {"token": own.form("/upload").fields["token"][0]}
        )
        assert refused.status == 403


async def test_what_is_left_open_or_said_twice_is_refused_and_nothing_is_remembered(
    world: World,
) -> None:
    department = await world.department()
    resource = await world.resource(department)
    async with browsing(world.base_url, department.clerk) as browser:
        page = await browser.open(upload_of(resource))
        asked = await sent(browser, page, FOREIGN, "check")
        undecided = await answered(browser, asked, "check", 证号="id")
        assert undecided.status == 422
        assert "请选择对应的信息项" in undecided.text
        twice = await answered(browser, undecided, "check", **{**CHOICES, "经办人": "id"})
        assert twice.status == 422
        assert "与“证号”对应同一信息项“id”" in twice.text
        lacking = await answered(browser, twice, "load", **{**CHOICES, "证号": "-"})
        assert lacking.status == 422
        assert "还没有列对应这些必填项： id" in lacking.text
        unknown = await answered(browser, lacking, "check", **{**CHOICES, "经办人": "nothing"})
        assert (unknown.status, "目录中没有信息项" in unknown.text) == (422, True)
        assert "记住的列对应" not in (await browser.open(upload_of(resource))).text
        double = await sent(browser, unknown, "证号,name,name\n1,2,3\n", "check")
        assert "标题重复" in double.text
        # The file was kept all the while.
        loaded = await answered(browser, unknown, "load", **CHOICES)
        assert "已入库 2 条" in loaded.text


async def test_a_file_for_a_job_asks_on_the_page_of_its_job(world: World) -> None:
    """A file of over 8 MB is read by a job alone, which tells the headings that it cannot read."""
    department = await world.department()
    resource = await world.resource(department)
    rows = "".join(f"{number},名,{'长' * 20_000}\n" for number in range(AT_ONCE_MAX // 40_000 + 1))
    async with browsing(world.base_url, department.clerk) as browser:
        page = await browser.open(upload_of(resource))
        queued = await sent(browser, page, f"证号,姓名,说明\n{rows}", "check")
        asked = await finished(browser, department, queued)
        assert "还没有列对应这些必填项" in asked.text, asked.text
        lacking = await answered(browser, asked, "check", 证号="id", 姓名="id", 说明="-")
        assert (lacking.status, "对应同一信息项" in lacking.text) == (422, True)
        again = await answered(browser, lacking, "check", 姓名="name")
        told = await finished(browser, department, again)
        assert "文件已检查，没有任何记录入库" in told.text, told.text
        page = await browser.open(upload_of(resource))
        unasked = await sent(browser, page, f"说明,证号,姓名\n,又,名\n{rows}", "check")
        assert "文件已检查" in (await finished(browser, department, unasked)).text


async def finished(browser: Browser, department: Department, page: Page) -> Page:
    """Return the page of a job when it has ended."""
    assert "/console/jobs/" in page.url, page.text
    await ended(department.clerk, page.url.rpartition("/")[2])
    return await browser.open(page.path)


async def test_500_columns_are_asked_for_and_more_are_only_named(world: World) -> None:
    department = await world.department()
    resource = await world.resource(department)
    async with browsing(world.base_url, department.clerk) as browser:
        page = await browser.open(upload_of(resource))
        many = [f"列{number}" for number in range(500)]
        asked = await sent(browser, page, f"{','.join(many)}\n{',' * 499}x\n", "check")
        assert len(asked.form("/upload").fields["item"]) == 500
        said = {**dict.fromkeys(many, "-"), "列0": "id", "列499": "name"}
        checked = await answered(browser, asked, "check", **said)
        assert "不合格 1 条" in checked.text, checked.text
        assert "其中 500 列按记住的对应关系读取" in checked.text
        strange = [f"行{number}" for number in range(501)]
        over = await sent(browser, page, f"{','.join(strange)}\n1\n", "check")
        assert (over.status, "目录中没有信息项" in over.text) == (422, True)
