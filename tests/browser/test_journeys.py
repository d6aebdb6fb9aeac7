"""Six journeys that newcomers take by the pages of the console alone, in a real browser.

Each is taken once in a run of all tests, some with JavaScript and some without; `make journeys`
takes all of them both ways and prints what they took. One of them is taken without a mouse.
"""

import os
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest
from playwright.async_api import Browser

from tests.browser import chromium
from tests.browser.journeys import (
    applying,
    operating,
    overseeing,
    refusal,
    registering,
    workbook,
)
from tests.browser.stage import Stage, Visitor
from tests.browser.typist import Typist, here
from tests.support.world import World
from tests.unit.console.test_load_reports import written

pytestmark = [
    pytest.mark.skipif(chromium.found() is None, reason=chromium.INSTALL),
    pytest.mark.slow,
]

# Whether the page's scripts run where each journey is taken once.
USUAL: Final[Mapping[ModuleType, bool]] = {
    registering: False,
    workbook: True,
    applying: False,
    refusal: True,
    overseeing: True,
    operating: False,
}
BOTH_WAYS: Final = "TESTS_JOURNEYS" in os.environ
# Taken by Tab, Enter, Space and the arrows wherever it is taken without scripts.
BY_KEYS: Final = registering
WAYS: Final = [
    pytest.param(journey, scripts, id=f"{journey.__name__.rpartition('.')[2]}-{way}")
    for journey, usual in USUAL.items()
    for scripts, way in ((True, "scripts"), (False, "plain"))
    if BOTH_WAYS or scripts == usual
]


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium.chromium() as started:
        yield started


@pytest.fixture(scope="module")
def reports(settings: Mapping[str, str]) -> None:
    """A report of a load test, where the console looks for them."""
    written(Path(settings["SHUYUAN_REPORTS_DIR"]))


@pytest.mark.parametrize(("journey", "scripts"), WAYS)
async def test_a_newcomer_gets_there_by_the_pages_alone(
    journey: Any,  # noqa: ANN401 - a module
    browser: Browser,
    world: World,
    reports: None,
    *,
    scripts: bool,
) -> None:
    visitors = Typist if journey is BY_KEYS and not scripts else Visitor
    stage = Stage(browser, world.base_url, scripts, visitors)
    plot = await journey.plot(world)
    began = time.monotonic()
    await journey.play(stage, world, plot)
    await stage.leave()
    if BOTH_WAYS:
        print(f"{time.monotonic() - began:.1f} s, {stage.effort}")  # noqa: T201


async def test_whoever_uses_no_mouse_is_where_the_page_has_something_to_say(
    browser: Browser, world: World
) -> None:
    """The first stop of a page leads past the menu, and an answer to a form has the focus."""
    stage = Stage(browser, world.base_url, False, Typist)
    clerk = await stage.enter((await world.department()).clerk)
    await clerk.go("/console/sessions")
    await clerk.page.keyboard.press("Tab")
    assert 'class="skip"' in (await here(clerk.page))[1]
    await clerk.page.keyboard.press("Enter")
    await clerk.page.keyboard.press("Tab")
    assert await clerk.page.evaluate("document.activeElement.closest('main') !== null")
    wrong = {"old_password": "不是口令", "new_password": "另一个口令2026", "again_password": "x"}
    await clerk.fill(wrong)
    await clerk.press("更换口令")
    await clerk.part(".error").wait_for()
    assert 'class="error"' in (await here(clerk.page))[1]
    await clerk.press("结束其他登录")
    await clerk.told("其他登录已全部结束")
    assert 'class="done"' in (await here(clerk.page))[1]
    await stage.leave()
