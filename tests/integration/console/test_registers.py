"""Registers, workbooks, departments, demands and one's own sessions, by pages."""

import io
from urllib.parse import urljoin

from kernel.workbooks.reading import tables
from tests.support.browsing import Browser, Page, browsing, sign_in
from tests.support.eventually import eventually
from tests.support.world import World, unique


async def _finished(browser: Browser, page: Page) -> Page:
    """Look at a job's page until it is over."""
    told = [page]

    async def over() -> bool:
        told.append(await browser.open(page.path))
        return "每三秒自动刷新" not in told[-1].text

    await eventually(over)
    return told[-1]


async def test_the_catalogue_is_taken_away_and_brought_in_as_a_workbook(world: World) -> None:
    department = await world.department()
    await world.resource(department, publish=False)
    async with browsing(world.base_url, department.clerk) as browser:
        page = await browser.open("/console/workbooks")
        job = await _finished(browser, await browser.send(page, "/export/catalogue"))
        answer = await browser.http.get(f"{job.path}/result")
        assert tables(answer.content, ["资源目录"], is_csv=False)["资源目录"].rows
        form = page.form("/import/catalogue")
        sent = await browser.http.post(
            form.action,
            data={"token": form.fields["token"][0], "how": "dry_run"},
            files={"file": ("目录.xlsx", io.BytesIO(answer.content))},
            headers={"Origin": browser.base_url},
        )
        done = await _finished(browser, Page(sent))
        assert "已完成" in done.text, done.text
        # Whoever left the page of a job found no way back to it.
        back = (await browser.open("/console/workbooks")).links
        assert [link for link in back if "/jobs/" in link] == [done.path, job.path]
        stranger = await world.department()
    async with browsing(world.base_url, stranger.clerk) as browser:
        assert (await browser.open(job.path)).status in (403, 404)


async def test_code_lists_standards_and_divisions_are_shown(world: World) -> None:
    code = await world.code_list("1", "2")
    async with browsing(world.base_url, world.authority) as browser:
        page = await browser.open("/console/code-list", code=code)
        assert code in page.text
        page = await browser.open("/console/code-list/map", code=code)
        assert page.status == 200
        page = await browser.open("/console/standards")
        number = unique("GB/T ")
        page = await browser.send(page, "/standards/register", code=number, title="测试标准")
        assert number in (await browser.open("/console/standards", q=number)).text
        page = await browser.open("/console/regions", q="南宁")
        assert "南宁市" in page.text
        assert (await browser.open("/console/code-lists")).status == 200
        tree = "/console/catalogue/tree"
        assert "广西壮族自治区" in (await browser.open(tree, of="department", parent="")).text
        page = await browser.open(tree, of="department", parent="450000")
        assert page.status == 200
        assert (await browser.open(tree, of="class", parent="101")).status == 200
        assert (await browser.open(tree, of="region", parent="459999")).status == 404


async def test_an_element_is_registered_corrected_and_retired(world: World) -> None:
    code, standard = unique("DE-"), await world.standard()
    async with browsing(world.base_url, world.authority) as browser:
        page = await browser.open("/console/elements/new")
        said = {"code": code, "name": "姓名", "definition": "户籍登记的姓名", "max_length": "50"}
        page = await browser.send(page, "/elements/new", **said, standard=standard)
        assert page.path == f"/console/sources/{code}", page.text
        page = await browser.send(page, "/change", name="公民姓名", examples="张三\n李四")
        assert "张三、李四" in page.text
        page = await browser.send(page, "/retire", reason="合并")
        assert "停用时间" in page.text
        assert not any(form.action.endswith("/retire") for form in page.forms)


async def test_a_merger_is_rehearsed_before_it_is_planned(world: World) -> None:
    first, second = await world.department(), await world.department()
    async with browsing(world.base_url, world.operator) as browser:
        page = await browser.open(f"/console/departments/{first.uscc}")
        rehearsed = await browser.send(
            page, "/merge-into", successor=second.uscc, on="2098-01-01", basis="机构改革方案"
        )
        assert "尚未变更任何内容" in rehearsed.text, rehearsed.text
        planned = await browser.send(rehearsed, "/merge-into")
        assert "计划中" in planned.text, planned.text
        assert not any(form.action.endswith("/merge-into") for form in planned.forms)
        cancelled = await browser.send(planned, "/cancel-change", reason="不再合并")
        assert "已取消" in cancelled.text
    async with browsing(world.base_url, first.head) as browser:
        page = await browser.open(f"/console/departments/{first.uscc}")
        assert not any(form.action.endswith("/change") for form in page.forms)
        page = await browser.send(page, "/standing-consent", enabled="yes")
        assert "撤回常设同意" in page.text


async def test_who_is_relied_on_is_not_abolished_and_the_page_says_why(world: World) -> None:
    department = await world.department()
    await world.resource(department)
    await world.demand(department)
    async with browsing(world.base_url, world.operator) as browser:
        page = await browser.open(f"/console/departments/{department.uscc}")
        [form] = [each for each in page.forms if ("status", "abolished") in each.buttons]
        said = {**form.fields, "status": ["abolished"]}
        refused = await browser.post(urljoin(page.url, form.action), said)
        assert refused.status == 409
        left = "在用或在审的目录 1 条、未办结的数据需求 1 件"
        assert left in refused.text, refused.text
        page = await browser.post(urljoin(page.url, form.action), {**said, "anyway": ["yes"]})
        assert f"尚有：{left}" in page.text, page.text


async def test_a_demand_is_assigned_and_met(world: World) -> None:
    asking, supplying = await world.department(), await world.department()
    resource = await world.resource(supplying)
    async with browsing(world.base_url, asking.clerk) as browser:
        page = await browser.open("/console/demands/new")
        said = {"title": "户籍信息", "description": "办理落户", "items": "姓名\n住址"}
        drafted = await browser.send(page, "/new", **said, basis="条例", scenario="落户")
        assert "姓名、住址" in drafted.text, drafted.text
    async with browsing(world.base_url, asking.head) as browser:
        await browser.send(await browser.open(drafted.path), "/submit")
    async with browsing(world.base_url, world.authority) as browser:
        page = await browser.open(drafted.path)
        page = await browser.send(page, "/assign", department=supplying.uscc)
        assert "已派发" in page.text, page.text
    async with browsing(world.base_url, supplying.head) as browser:
        page = await browser.open(drafted.path)
        page = await browser.send(page, "/accept", planned_on="2098-01-01")
        page = await browser.send(page, "/meet", resource_id=resource)
        assert "已满足" in page.text, page.text


async def test_ones_other_sign_ins_are_ended(world: World) -> None:
    department = await world.department()
    async with (
        browsing(world.base_url, department.clerk) as first,
        browsing(world.base_url) as second,
    ):
        await sign_in(second, department.clerk)
        page = await first.open("/console/sessions")
        assert "其他登录" in page.text
        page = await first.send(page, "/console/sessions")
        assert "其他登录已全部结束" in page.text

        async def ended() -> bool:
            page = await second.open("/console")
            return "工作台" not in page.text

        await eventually(ended)
        assert (await first.open("/console")).status == 200
        assert (await first.open("/console/events")).status == 200
