"""Pages over real HTTP: what is offered, what is refused, and names that are meant to do harm."""

import re

import pytest

from tests.support.browsing import Browser, browsing
from tests.support.world import World, unique

NEW = "/console/catalogue/new"
# What a clerk chooses in two steps of the form.
BASIC = {"class_code": "101001", "format": "3", "update_cycle": "daily"}
SHARING = {"share_type": "unconditional", "open_type": "closed", "grade": "2"}
HARMFUL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
AREAS = {
    "clerk": ("/console", "/console/catalogue", "/console/applications", "/console/sources"),
    "head": ("/console/subscriptions", "/console/clients", "/console/refusals"),
    "operator": ("/console/status",),
    "security": ("/console/people", "/console/people/new"),
    "auditor": ("/console/audit",),
}


@pytest.mark.parametrize("role", AREAS)
async def test_every_area_opens_for_whom_it_is_made(world: World, role: str) -> None:
    async with browsing(world.base_url, getattr(world, role)) as browser:
        for path in AREAS[role]:
            page = await browser.open(path)
            assert page.status == 200, page.text
            assert page.answer.headers["cache-control"] == "no-store"
            assert "script-src 'self'" in page.answer.headers["content-security-policy"]


async def test_a_page_says_that_something_was_done_in_its_own_words_only(world: World) -> None:
    """Whoever made up an address had the platform say what they liked, or fail by a `%`."""
    async with browsing(world.base_url, world.operator) as browser:
        said = await browser.open("/console/departments", done="已保存。")
        assert "已保存。" in said.text
        for words in ("账号已冻结，请致电告知口令", "%(x)s", "100%", "至 %(day)s"):
            page = await browser.open("/console/departments", done=words)
            assert page.status == 200
            assert words not in page.text


async def test_pages_of_others_are_refused_as_pages(world: World) -> None:
    async with browsing(world.base_url, world.clerk) as browser:
        for path in ("/console/people", "/console/audit", "/console/status"):
            page = await browser.open(path)
            assert page.status == 403, path
            assert "无法办理" in page.text
            assert "请由具有下列角色之一的人员办理" in page.text
        page = await browser.open("/console/catalogue/nothing")
        assert page.status == 404


async def test_a_page_is_in_english_for_who_prefers_it(world: World) -> None:
    async with browsing(world.base_url, world.clerk) as browser:
        page = await browser.open("/console")
        english = await browser.post("/console/language", {"language": "en", "then": "/console"})
        assert "工作台" in page.text
        assert "Workbench" in english.text


async def test_names_that_hold_html_are_shown_and_not_run(world: World) -> None:
    department = await world.department()
    resource = await world.resource(department, publish=False, name=HARMFUL, abstract=HARMFUL)
    async with browsing(world.base_url, department.clerk) as browser:
        for path in (
            f"/console/catalogue?department={department.uscc}",
            f"/console/catalogue/{resource}",
        ):
            page = await browser.open(path)
            assert "<script>" not in page.answer.text
            assert "<img src=x" not in page.answer.text
            assert "alert(1)" in page.text
        page = await browser.open(f"/console/catalogue/{resource}/edit")
        assert page.form("/edit").fields["name"] == [HARMFUL]


@pytest.mark.parametrize("mark", ["\u202e", "\u200b", "\u2066"])
async def test_marks_that_turn_or_hide_text_are_refused_and_kept_in_the_form(
    world: World, mark: str
) -> None:
    department = await world.department()
    async with browsing(world.base_url, department.clerk) as browser:
        page = await browser.open(NEW)
        name = f"资源{mark}名称"
        again = await browser.send(page, "/catalogue/new", name=name, go="items")
        assert again.status == 422
        assert "不允许的字符" in again.text
        assert again.form("/catalogue/new").fields["name"] == [name]


async def test_what_describes_the_data_is_chosen_and_never_guessed(world: World) -> None:
    """更新周期 once stood at 每日: who did not look got an entry that was overdue the next day."""
    department = await world.department()
    async with browsing(world.base_url, department.clerk) as browser:
        page = await browser.open(NEW)
        basic = page.form("/new").fields
        assert {basic[name][0] for name in ("format", "update_cycle")} == {""}
        # The class, which once was typed blind.
        assert '<option value="208">主题 · 信用体系' in page.answer.text
        assert '<option value="450102">南宁市 兴宁区</option>' in page.answer.text
        page = await browser.send(page, "/new", name=unique("资源"), go="sharing")
        sharing = page.form("/new").fields
        assert {sharing[name][0] for name in ("share_type", "open_type", "grade")} == {""}
        refused = await browser.send(page, "/new", go="save")
        assert refused.status == 422
        assert "更新周期 缺少必填项" in refused.text


async def test_what_an_item_may_refer_to_is_offered_by_name(world: World) -> None:
    """A resource was to be named by its id, which stood on another page."""
    owner, other = await world.department(), await world.department()
    element, name = await world.element(max_length=64), unique("人口")
    await world.source(owner, element)
    item = {"name": "id", "label": "编号", "key": True, "element": element, "role": "source"}
    resource = await world.resource(owner, await world.items(item), name=name)
    async with browsing(world.base_url, other.clerk) as browser:
        page = await browser.open(NEW)
        page = await browser.send(page, "/new", name=unique("资源"), go="items", element_q=element)
        page = await browser.send(page, "/new", add=element)
        assert f'<option value="{resource}">{name}</option>' in page.answer.text


async def test_a_class_is_offered_with_what_it_holds(world: World) -> None:
    department = await world.department()
    await world.resource(department)
    async with browsing(world.base_url, department.clerk) as browser:
        page = await browser.open(NEW)
        assert re.search(
            r'<option value="\d{6}">[^<]+ · 已有 \d+ 个资源</option>', page.answer.text
        )


async def drafted(browser: Browser, element: str) -> tuple[str, str]:
    """Draft an entry by the steps of the form; return its name and address."""
    page, name = await browser.open(NEW), unique("资源")
    page = await browser.send(page, "/new", name=name, abstract="测试", **BASIC, go="items")
    page = await browser.send(page, "/new", go="items", element_q=element)
    assert element in page.text
    page = await browser.send(page, "/new", add=element)
    assert page.form("/new").fields["item_element"][0] == element
    page = await browser.send(page, "/new", go="sharing")
    page = await browser.send(page, "/new", **SHARING, go="reviews")
    reviews = {
        f"{who}_{field}": value
        for who in ("secrecy", "privacy")
        for field, value in {"passed": "yes", "by": "保密办", "date": "2026-01-05"}.items()
    }
    page = await browser.send(page, "/new", **reviews, go="preview")
    page = await browser.send(page, "/new", go="save")
    assert "草稿已保存" in page.text, page.text
    return name, page.path


async def test_only_what_the_state_allows_the_person_is_offered(world: World) -> None:
    department = await world.department()
    element = await world.element(max_length=64)
    await world.source(department, element)
    async with browsing(world.base_url, department.clerk) as clerk:
        _, path = await drafted(clerk, element)
        page = await clerk.open(path)
        offered = {form.action.rpartition("/")[2] for form in page.forms}
        assert "discard" in offered
        assert not offered & {"submit", "approve", "publish"}
        assert "工作机构负责人" in page.text
    async with browsing(world.base_url, department.head) as head:
        page = await head.open(path)
        signed = await head.send(page, "/submit", leader_name="黄某", signed_on="2026-01-06")
        assert "待审核" in signed.text
    async with browsing(world.base_url, world.authority) as authority:
        page = await authority.open(path)
        page = await authority.send(page, "/return", reason="请补充摘要")
        assert "起草中" in page.text
    async with browsing(world.base_url, department.clerk) as clerk:
        page = await clerk.open(path)
        assert "请补充摘要" in page.text


async def test_a_step_that_is_refused_is_shown_again_with_what_is_wrong(world: World) -> None:
    department = await world.department()
    async with browsing(world.base_url, department.clerk) as browser:
        page = await browser.open(NEW)
        name = unique("资源")
        page = await browser.send(page, "/new", name=name, go="save")
        assert page.status == 422
        assert ("name", [name]) in page.form("/new").fields.items()
        assert "缺少必填项" in page.text


async def test_a_draft_of_two_windows_is_not_overwritten(world: World) -> None:
    department = await world.department()
    resource = await world.resource(department, publish=False)
    async with browsing(world.base_url, department.clerk) as browser:
        first = await browser.open(f"/console/catalogue/{resource}/edit")
        second = await browser.open(f"/console/catalogue/{resource}/edit")
        saved = await browser.send(first, "/edit", name=unique("甲"), go="save")
        assert saved.status == 200
        stale = await browser.send(second, "/edit", name=unique("乙"), go="save")
        assert stale.status == 412
        assert "已被他人修改" in stale.text
        # Once nothing led on from here: saved again it was refused for ever.
        over = re.findall(r'name="over" value="(\d+)"', stale.answer.text)
        name = stale.form("/edit").fields["name"]
        saved = await browser.send(stale, "/edit", over=over, go="save")
        assert saved.status == 200
        page = await browser.open(f"/console/catalogue/{resource}/edit")
        assert page.form("/edit").fields["name"] == name
