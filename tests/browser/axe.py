"""Accessibility of the main pages of a running demo, judged by axe-core: `make axe`.

No page is wider than a phone, or than the window at twice its size.
"""

import asyncio
import sys
from collections.abc import Sequence

from playwright.async_api import Page, ViewportSize

from tests.browser.chromium import INSTALL, chromium, found, signed_in
from tests.browser.screenshots import LOCAL, PAGES, accounts, opened

AXE = LOCAL / "axe" / "node_modules" / "axe-core" / "axe.min.js"
JUDGE = """() => axe.run(document, {resultTypes: ['violations']}).then(found =>
  found.violations.map(each => `${each.id}: ${each.help} (${each.nodes.length}): `
    + each.nodes.slice(0, 3).map(node => node.target.join(' ')).join(' | ')))"""

WIDTH = "() => document.documentElement.scrollWidth"
USUAL: ViewportSize = {"width": 1366, "height": 768}


async def violations(page: Page, axe: str) -> Sequence[str]:
    """Return what axe-core finds wrong with the page as it stands."""
    await page.evaluate(axe)
    told: list[str] = await page.evaluate(JUDGE)
    return told


async def too_wide(page: Page) -> Sequence[str]:
    """Return at which widths the page has to be scrolled sideways: a phone's, and 200 % zoom."""
    found = []
    for name, width in (("390 px", 390), ("200 %", 683)):
        await page.set_viewport_size({"width": width, "height": 844})
        wide: int = await page.evaluate(WIDTH)
        if wide > width:
            found.append(f"{wide} px wide at {name}")
    await page.set_viewport_size(USUAL)
    return found


async def judge() -> int:
    """Print what is wrong with each page, in both themes; return how much it is."""
    base_url, known = accounts()
    axe = await asyncio.to_thread(AXE.read_text, encoding="utf-8")
    count = 0
    async with chromium() as browser:
        for username, pages in PAGES.items():
            if username not in known:
                continue
            for dark in (False, True):
                page = await signed_in(browser, base_url, known[username], dark=dark)
                async for name in opened(page, pages):
                    for each in [*await violations(page, axe), *await too_wide(page)]:
                        count += 1
                        print(f"{name}{' (dark)' if dark else ''}: {each}", flush=True)  # noqa: T201
    print(f"{count} violations")  # noqa: T201
    return count


if __name__ == "__main__":
    if found() is None:
        sys.exit(INSTALL)
    sys.exit(min(1, asyncio.run(judge())))
