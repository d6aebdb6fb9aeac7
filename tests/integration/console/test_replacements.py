"""Full replacements, begun and ended by pages."""

from tests.support.browsing import browsing
from tests.support.world import World


async def test_a_replacement_is_begun_once_and_aborted(world: World) -> None:
    department = await world.department()
    resource = await world.resource(department)
    async with browsing(world.base_url, department.clerk) as clerk:
        page = await clerk.open(f"/console/resources/{resource}/replacements")
        page = await clerk.send(page, "/replacements")
        assert "正在上报" in page.text, page.text
        assert not any(form.action.endswith("/replacements") for form in page.forms)
        page = await clerk.send(page, "/abort")
        assert "已中止" in page.text
    stranger = await world.department()
    async with browsing(world.base_url, stranger.clerk) as browser:
        page = await browser.open(f"/console/resources/{resource}/replacements")
        assert page.status in (403, 404)
