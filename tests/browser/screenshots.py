"""Pictures of the main pages of a running demo: `make screenshots`."""

import json
import sys
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.chromium import INSTALL, browser, found, sign_in

LOCAL = Path(".local")
FOLDER = LOCAL / "screenshots"
# By person: names of pictures and the links that lead to them.
PAGES = {
    "statistics.clerk": {
        "work-clerk": "/console",
        "catalogue": "/console/catalogue",
        "draft": "/console/catalogue/new",
        "sources": "/console/sources",
    },
    "statistics.head": {
        "applications-provider": "/console/applications",
        "subscriptions-given": "/console/subscriptions",
    },
    "agriculture.head": {
        "clients": "/console/clients",
        "refusals": "/console/refusals",
        "subscriptions-received": "/console/subscriptions",
    },
    "authority": {"work-authority": "/console", "contested": "/console/sources?status=contested"},
    "operator": {"status": "/console/status"},
    "security": {"people": "/console/people"},
    "auditor": {"audit": "/console/audit"},
}
# The first thing of a list, opened.
OPENED = {
    "catalogue": ("entry", "tbody a[href^='/console/catalogue/']"),
    "applications-provider": ("application", "tbody a[href^='/console/applications/']"),
    "subscriptions-received": ("subscription", "tbody a[href^='/console/subscriptions/']"),
    "clients": ("client", "tbody a[href^='/console/clients/']"),
    "sources": ("element", "tbody a[href^='/console/sources/']"),
}


def passwords() -> tuple[str, dict[str, str]]:
    told = json.loads((LOCAL / "credentials.json").read_text())
    known = {each["username"]: each["password"] for each in told["people"]}
    made = LOCAL / "demo" / "secrets.json"
    return told["base_url"], known | (json.loads(made.read_text()) if made.exists() else {})


def picture(page: Page, name: str) -> None:
    page.screenshot(path=FOLDER / f"{name}.png", full_page=True)
    print(f"{name}.png  {page.url}")  # noqa: T201


def take(only: str = "") -> None:
    """Take every picture whose name begins with `only`."""
    base_url, known = passwords()
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not only:
        with browser() as context:
            page = context.pages[0]
            page.goto(base_url)
            picture(page, "landing")
            page.goto(f"{base_url}/nowhere")
            picture(page, "missing")
    for username, pages in PAGES.items():
        wanted = {name: path for name, path in pages.items() if name.startswith(only)}
        if not wanted:
            continue
        with browser() as context:
            page = context.pages[0]
            sign_in(page, base_url, username, known[username])
            for name, path in wanted.items():
                page.goto(f"{base_url}{path}")
                picture(page, name)
                opened = OPENED.get(name)
                if opened and page.locator(opened[1]).count():
                    page.locator(opened[1]).first.click()
                    page.wait_for_selector("main#main")
                    picture(page, opened[0])


if __name__ == "__main__":
    if found() is None:
        sys.exit(INSTALL)
    take(*sys.argv[1:2])
