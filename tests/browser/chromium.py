"""Debian's Chromium, driven by Playwright: where it is not found, tests are skipped."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from playwright.async_api import Browser, Page, async_playwright

INSTALL = "apt-get install chromium fonts-noto-cjk"
# Run by root in a container, and speaking to nobody by itself.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-sync",
)
# What a busy machine may take for one page.
PATIENCE_MS = 120_000


def found() -> str | None:
    """Return the path of a Chromium, None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Start the browser; each of its contexts has cookies of its own, and none of before."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found(), args=list(ARGUMENTS))
        yield browser
        await browser.close()


@dataclass(frozen=True)
class Account:
    username: str
    password: str


async def signed_in(
    browser: Browser,
    base_url: str,
    account: Account,
    *,
    width: int = 1366,
    height: int = 768,
    scripts: bool = True,
    dark: bool = False,
) -> Page:
    """Return a page of a new context in which the person is signed in."""
    context = await browser.new_context(
        base_url=base_url,
        locale="zh-CN",
        viewport={"width": width, "height": height},
        java_script_enabled=scripts,
        color_scheme="dark" if dark else "light",
    )
    context.set_default_timeout(PATIENCE_MS)
    page = await context.new_page()
    await page.goto("/console")
    await page.fill("#username", account.username)
    await page.fill("#password", account.password)
    await page.click("button[type=submit]")
    await page.wait_for_selector("main#main h1")
    return page
