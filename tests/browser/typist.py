"""Somebody who uses no mouse: Tab to a place, which has to show that it is there; then a key."""

from typing import Final

from playwright.async_api import ElementHandle, Locator, Page

from tests.browser.stage import Visitor

# A page of fifteen items has some two hundred places to stop at.
STOPS_MAX: Final = 600
# A date is three places to stop at, and one element.
PARTS_MAX: Final = 4
# What has the focus: whether it is the wanted one, who it is, and whether it can be seen.
HERE: Final = """wanted => {
  const here = document.activeElement;
  if (!here || here === document.body) return {there: false, name: '', seen: true};
  const style = getComputedStyle(here), box = here.getBoundingClientRect();
  const outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  const inside = box.width > 0 && box.right > 0 && box.left < innerWidth;
  const place = [...document.querySelectorAll('*')].indexOf(here);
  return {there: here === wanted, name: `${place} ${here.outerHTML.slice(0, 80)}`,
          seen: outlined && inside};
}"""


class Typist(Visitor):
    """A visitor of the same journeys, by Tab, Enter, Space and the arrows alone."""

    async def _pressed(self, what: Locator) -> None:
        await self._reach(what)
        if await what.evaluate("e => e.matches('a, button')"):
            # A click waits for the page that it asks for, a key does not.
            async with self.page.expect_navigation():
                await self.page.keyboard.press("Enter")
        else:
            await self.page.keyboard.press("Space")
        self.effort.presses += 1

    async def write(self, place: Locator, value: str) -> None:
        await self._reach(place)
        kind = await place.evaluate("e => e.tagName === 'SELECT' ? 'select' : e.type")
        if kind == "select":
            await self._choose(place, value)
        elif kind == "date":
            await self._date(place, value)
        else:
            await self.page.keyboard.press("Control+A")
            # As an input method does, which Chinese is written with.
            await self.page.keyboard.insert_text(value)
        assert await place.input_value() == value
        self.effort.fields += 1

    async def _choose(self, place: Locator, value: str) -> None:
        """Go up to the first option, and down to the wanted one."""
        await self.page.keyboard.press("Home")
        for _ in range(await place.locator("option").count()):
            if await place.input_value() == value:
                return
            await self.page.keyboard.press("ArrowDown")

    async def _date(self, place: Locator, value: str) -> None:
        """Type the parts in the order of the browser's own language, which pages do not choose."""
        year, month, day = value.split("-")
        for parts in ((month, day, year), (year, month, day)):
            for _ in range(PARTS_MAX):
                await self.page.keyboard.press("ArrowLeft")
            for part in parts:
                await self.page.keyboard.type(part)
                if part is year:
                    await self.page.keyboard.press("ArrowRight")
            if await place.input_value() == value:
                return

    async def _reach(self, what: Locator) -> None:
        """Tab until the place has the focus; every stop can be seen, and lets go again."""
        wanted = await what.element_handle()
        assert wanted is not None
        before, times = "", 0
        for _ in range(STOPS_MAX):
            there, name = await here(self.page, wanted)
            if there:
                return
            times = times + 1 if name == before else 1
            assert times <= PARTS_MAX, f"a trap at {name}"
            before = name
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"never reached on {self.page.url}: {what}")


async def here(page: Page, wanted: ElementHandle | None = None) -> tuple[bool, str]:
    """Return whether the place has the focus, and what has it; fails where that cannot be seen."""
    told = await page.evaluate(HERE, wanted)
    assert told["seen"], f"the focus is not seen at {told['name']} on {page.url}"
    return told["there"], told["name"]
