"""A journey that five people take by pages alone: register, sign, review, publish, apply, agree."""

from dataclasses import dataclass

from playwright.async_api import Browser, Page

from tests.browser.chromium import Account, signed_in


@dataclass(frozen=True)
class Cast:
    """Who plays; the provider is the source of `element`, the consumer has a client."""

    base_url: str
    clerk: Account
    head: Account
    authority: Account
    consumer_clerk: Account
    consumer_head: Account
    element: str
    name: str
    scripts: bool = True

    async def page(self, browser: Browser, account: Account) -> Page:
        return await signed_in(browser, self.base_url, account, scripts=self.scripts)


async def press(page: Page, label: str) -> None:
    await page.click(f"main button:visible:text-is('{label}')")


async def told(page: Page, sentence: str) -> None:
    await page.wait_for_selector(f".done:has-text('{sentence}')")


async def play(browser: Browser, cast: Cast) -> str:
    """Play it, and return the address of the subscription."""
    entry = await register(await cast.page(browser, cast.clerk), cast)
    await sign(await cast.page(browser, cast.head), cast)
    await review(await cast.page(browser, cast.authority), entry)
    application = await apply(await cast.page(browser, cast.consumer_clerk), entry)
    await submit(await cast.page(browser, cast.consumer_head), application)
    return await agree(await cast.page(browser, cast.head), application)


async def register(page: Page, cast: Cast) -> str:
    await page.goto("/console/catalogue/new")
    await page.fill("#name", cast.name)
    await page.fill("#abstract", "浏览器走查所用的资源")
    await page.fill("#class_code", "101001")
    await press(page, "下一步")
    await page.fill("#element_q", cast.element)
    await press(page, "查找")
    await press(page, "加入")
    await page.fill("input[name=item_name] >> nth=0", "code")
    await page.fill("input[name=item_label] >> nth=0", "代码")
    await press(page, "下一步")
    await page.wait_for_selector("#share_type")
    await press(page, "下一步")
    for who in ("secrecy", "privacy"):
        await page.check(f"input[name={who}_passed]")
        await page.fill(f"#{who}_by", "保密办")
        await page.fill(f"#{who}_date", "2026-01-05")
    await press(page, "下一步")
    await press(page, "保存草稿")
    await told(page, "草稿已保存")
    return page.url.partition("?")[0]


async def sign(page: Page, cast: Cast) -> None:
    """The head finds it on the workbench."""
    await page.goto("/console")
    await page.click(f"main a:has-text('{cast.name}')")
    await page.fill("#leader_name", "黄某")
    await page.fill("#signed_on", "2026-01-06")
    await press(page, "签批并送审")
    await told(page, "已签批并送审")


async def review(page: Page, entry: str) -> None:
    await page.goto(entry)
    await press(page, "审核通过")
    await told(page, "审核通过")
    await press(page, "发布")
    await told(page, "已发布")


async def apply(page: Page, entry: str) -> str:
    await page.goto(entry)
    await page.click("main a:text-is('申请共享')")
    await page.fill("#basis", "政务数据共享条例第二十条")
    await page.fill("#scenario", "办理登记时核对代码")
    await page.fill("#scope", "登记处室")
    await page.fill("#valid_until", "2098-12-31")
    await page.check("input[name=commitment]")
    await press(page, "保存申请")
    await told(page, "申请已保存")
    return page.url.partition("?")[0]


async def submit(page: Page, application: str) -> None:
    await page.goto(application)
    await press(page, "签批并提交")
    await told(page, "已签批提交")


async def agree(page: Page, application: str) -> str:
    await page.goto(application)
    await press(page, "同意共享")
    await told(page, "已同意共享")
    await page.click("main a:text-is('查看授权')")
    await page.wait_for_selector("main .tag:has-text('有效')")
    return page.url
