"""Pictures of the main pages of a running demo: `make screenshots`; `ONLY=region` of the region."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page

from tests.browser.chromium import INSTALL, Account, chromium, found, signed_in

LOCAL = Path(".local")
FOLDER = LOCAL / "screenshots"
# What the first page of the project shows, as a person sees it without scrolling.
IMAGES = Path("docs/images")
SHOWN = frozenset({"entry", "lineage", "upload", "refusal", "region-league", "region-flows"})
# Names of pictures that show what `make region` has built.
REGION = "region-"
# By person: names of pictures, and where they are taken.
PAGES: Mapping[str, Mapping[str, str]] = {
    "statistics.clerk": {
        "work-clerk": "/console",
        "catalogue": "/console/catalogue",
        "draft": "/console/catalogue/new",
        "sources": "/console/sources",
        "workbooks": "/console/workbooks",
        "code-lists": "/console/code-lists",
        "regions": "/console/regions?level=city",
        "events": "/console/events",
        "departments": "/console/departments",
        "sessions": "/console/sessions",
        "basket": "/console/basket",
        "tree": "/console/catalogue/tree",
    },
    "statistics.head": {
        "applications-provider": "/console/applications",
        "subscriptions-given": "/console/subscriptions",
        "notices": "/console/notices",
        "delegations": "/console/delegations",
        "calendar": "/console/calendar",
        "corrections": "/console/corrections",
        "correction-figures": "/console/corrections/statistics",
        "indicators": "/console/indicators",
    },
    "agriculture.head": {
        "clients": "/console/clients",
        "refusals": "/console/refusals",
        "subscriptions-received": "/console/subscriptions",
        "disputes": "/console/disputes",
        "demands": "/console/demands",
    },
    "authority": {
        "work-authority": "/console",
        "contested": "/console/sources?status=contested",
        "league": "/console/league",
        "league-city": "/console/league?city=450100",
        "league-departments": "/console/league?by=department",
        "flows": "/console/flows",
        "orders": "/console/orders",
        "order-new": "/console/orders/new",
        "violations": "/console/violations",
        "region-work": "/console",
        "region-league": "/console/league?by=region",
        "region-flows": "/console/flows?by=department",
        "region-entries": "/console/catalogue",
    },
    "region.police.head": {
        "region-tasks": "/console",
        "region-given": "/console/subscriptions",
    },
    "operator": {
        "status": "/console/status",
        "load-tests": "/console/status/load-tests",
        "record-places": "/console/status/records",
        "lags": "/console/status/subscriptions",
        "doctor": "/console/status/doctor",
        "limits": "/console/status/limits",
    },
    "security": {
        "people": "/console/people",
        "work-security": "/console",
        "alarms": "/console/alarms",
    },
    "auditor": {"audit": "/console/audit", "verifications": "/console/audit/verifications"},
}
# The first thing of a list, opened.
OPENED = {
    "catalogue": ("entry", "tbody a[href^='/console/catalogue/']"),
    "applications-provider": ("application", "tbody a[href^='/console/applications/']"),
    "subscriptions-received": ("subscription", "tbody a[href^='/console/subscriptions/']"),
    "subscription": ("agreement", "a[href$='/agreement']"),
    "clients": ("client", "tbody a[href^='/console/clients/']"),
    "sources": ("element", "tbody a[href^='/console/sources/']"),
    "code-lists": ("code-list", "tbody a[href^='/console/code-list?']"),
    "departments": ("department", "tbody a[href^='/console/departments/']"),
    "disputes": ("dispute", "tbody a[href^='/console/disputes/']"),
    "demands": ("demand", "tbody a[href^='/console/demands/']"),
    "entry": ("lineage", "a[href$='/lineage']"),
    "alarms": ("alarm", "tbody a[href^='/console/alarms/']"),
    "lags": ("lag", "tbody a[href^='/console/status/subscriptions/']"),
    "refusals": ("refusal", "tbody a[href^='/console/refusals?']"),
}


def accounts() -> tuple[str, dict[str, Account]]:
    """Return the address of the local platform, and who can sign in to it."""
    told: dict[str, Any] = json.loads((LOCAL / "credentials.json").read_text())
    known = {each["username"]: each["password"] for each in told["people"]}
    for scenario in ("demo", "region"):
        made = LOCAL / scenario / "secrets.json"
        known |= json.loads(made.read_text()) if made.exists() else {}
    return str(told["base_url"]), {name: Account(name, known[name]) for name in known}


async def picture(page: Page, name: str) -> None:
    await page.screenshot(path=FOLDER / f"{name}.png", full_page=True)
    if name in SHOWN:
        await page.screenshot(path=IMAGES / f"console-{name}.png")
    print(f"{name}.png  {page.url}", flush=True)  # noqa: T201


async def public(browser: Browser, base_url: str) -> None:
    context = await browser.new_context(base_url=base_url, locale="zh-CN")
    page = await context.new_page()
    for name, path in {"landing": "/", "missing": "/nowhere"}.items():
        await page.goto(path)
        await picture(page, name)


async def upload(page: Page) -> None:
    """Check a file with two faults, as a clerk would."""
    await page.goto("/console/catalogue?q=统计用区划代码")
    await page.locator("tbody a[href^='/console/catalogue/']").first.click()
    await page.click("a[href$='/upload']")
    rows = "区划代码,区划名称,区划级别\n450000000000,广西壮族自治区,region\n45,南宁市,都市\n"
    file = {"name": "区划.csv", "mimeType": "text/csv", "buffer": rows.encode()}
    await page.set_input_files("#file", file)  # type: ignore[arg-type]
    await page.click("button[value=check]")
    await page.wait_for_selector("caption")
    await picture(page, "upload")


async def opened(page: Page, wanted: Mapping[str, str]) -> AsyncIterator[str]:
    """Go to each page and on to what is opened from it; yield their names."""
    for name, path in wanted.items():
        await page.goto(path)
        yield name
        link = OPENED.get(name)
        while link and await page.locator(link[1]).count():
            await page.goto(str(await page.locator(link[1]).first.get_attribute("href")))
            yield link[0]
            link = OPENED.get(link[0])


async def of_person(page: Page, wanted: Mapping[str, str]) -> None:
    async for name in opened(page, wanted):
        await picture(page, name)


def wanted_of(pages: Mapping[str, str], only: str) -> Mapping[str, str]:
    """Return the pages whose names begin with `only`; those of the region only on request.

    Its authority is that of a demo, too, where the same pages show something else.
    """
    return {
        name: path
        for name, path in pages.items()
        if name.startswith(only) and (only or not name.startswith(REGION))
    }


async def take(only: str = "") -> None:
    """Take every picture whose name begins with `only`."""
    base_url, known = accounts()
    for folder in (FOLDER, IMAGES):
        folder.mkdir(parents=True, exist_ok=True)
    async with chromium() as browser:
        if not only:
            await public(browser, base_url)
        for username, pages in PAGES.items():
            wanted = wanted_of(pages, only)
            if wanted and username in known:
                await of_person(await signed_in(browser, base_url, known[username]), wanted)
        if not only:
            account = known["statistics.clerk"]
            await upload(await signed_in(browser, base_url, account))
            phone = await signed_in(browser, base_url, account, width=390, height=844)
            await of_person(
                phone, {"phone-work": "/console", "phone-catalogue": "/console/catalogue"}
            )
            night = await signed_in(browser, base_url, account, dark=True)
            await of_person(night, {"dark-catalogue": "/console/catalogue"})


if __name__ == "__main__":
    if found() is None:
        sys.exit(INSTALL)
    asyncio.run(take(*sys.argv[1:2]))
