"""A bar while a large file is sent: what comes after it is the page that comes without scripts."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route

from tests.browser import chromium
from tests.browser.chromium import Account, signed_in
from tests.support.callers import Recruit
from tests.support.world import World

pytestmark = [
    pytest.mark.skipif(chromium.found() is None, reason=chromium.INSTALL),
    pytest.mark.slow,
]

ROWS = 400
CONTENT = "id,name,备注\n" + "".join(f"{n},名,{'长' * 1_000}\n" for n in range(ROWS))
SEEN = """
window.seen = [];
new MutationObserver(() => {
  const bar = document.querySelector(".sending progress");
  if (bar) { window.seen.push(bar.value); sessionStorage.setItem("seen", window.seen.length); }
}).observe(document, { childList: true, subtree: true, attributes: true });
"""


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium.chromium() as started:
        yield started


async def opened(browser: Browser, world: World, *, scripts: bool) -> Page:
    """Return the upload page of a new department's clerk, the large file chosen."""
    department = await world.department()
    resource = await world.resource(department)
    clerk = department.clerk
    assert isinstance(clerk, Recruit)
    await clerk.register()
    account = Account(clerk.username, clerk.password)
    page = await signed_in(browser, world.base_url, account, scripts=scripts)
    await page.context.add_init_script(SEEN)
    await page.goto(f"/console/resources/{resource}/upload")
    file: Any = {"name": "数据.csv", "mimeType": "text/csv", "buffer": CONTENT.encode()}
    await page.set_input_files("#file", file)
    return page


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "plain"])
async def test_a_large_file_is_asked_about_and_checked_either_way(
    browser: Browser, world: World, scripts: bool
) -> None:
    page = await opened(browser, world, scripts=scripts)
    await page.click("button[value=check]")
    await page.locator("select[aria-label='信息项 备注']").select_option("-")
    if scripts:
        seen = await page.evaluate("sessionStorage.getItem('seen')")
        assert int(seen) > 0, "no bar was seen"
    await page.click("button[value=check]")
    await page.wait_for_selector(f":text('合格 {ROWS} 条，不合格 0 条')")
    assert await page.locator(".sending").count() == 0
    await page.context.close()


async def held_up(_route: Route) -> None:
    """Let a request wait for ever, as a broken network does."""


async def test_what_is_stopped_can_be_sent_again(browser: Browser, world: World) -> None:
    page = await opened(browser, world, scripts=True)
    await page.route("**/upload", held_up)
    await page.click("button[value=check]")
    assert await page.locator("button[value=load]").is_disabled()
    await page.click(".sending button")
    await page.wait_for_selector(":text('已停止发送，没有保存任何内容')")
    await page.unroute("**/upload")
    await page.click("button[value=check]")
    await page.wait_for_selector(":text('各列对应的信息项')")
    await page.context.close()
