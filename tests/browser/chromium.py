"""Debian's Chromium, driven by Playwright: where neither is found, tests are skipped."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import BrowserContext, Page, sync_playwright

INSTALL = "apt-get install chromium fonts-noto-cjk"
SIZE = {"width": 1366, "height": 768}
# Run by root in a container, with a profile of its own, and speaking to nobody by itself.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-sync",
)


def found() -> str | None:
    """Return the path of a Chromium, None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def browser(**options: object) -> Iterator[BrowserContext]:
    """Open a browser with a new profile; `options` are those of Playwright's context."""
    usual: dict[str, object] = {"viewport": SIZE, "locale": "zh-CN"}
    with TemporaryDirectory() as profile, sync_playwright() as playwright:
        opened = playwright.chromium.launch_persistent_context(
            Path(profile),
            executable_path=found(),
            args=list(ARGUMENTS),
            **{**usual, **options},  # type: ignore[arg-type]
        )
        yield opened
        opened.close()


def sign_in(
    page: Page, base_url: str, username: str, password: str, then: str = "/console"
) -> None:
    page.goto(f"{base_url}{then}")
    page.fill("#username", username)
    page.fill("#password", password)
    page.click("button[type=submit]")
    page.wait_for_selector("main#main")
