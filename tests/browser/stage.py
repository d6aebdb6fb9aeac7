"""People at their browsers: what each of them does on a page, and how much of it there was."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from playwright.async_api import Browser, Locator, Page

from tests.browser.chromium import Account, signed_in
from tests.support.callers import Person, Recruit


@dataclass
class Effort:
    """What a journey took of the people: pages that came, and buttons, links and boxes pressed."""

    pages: int = 0
    presses: int = 0
    fields: int = 0


@dataclass
class Stage:
    """A browser before a platform, `scripts` or not; everybody has a context of their own.

    `visitors` says what people use: a mouse, or the keyboard alone.
    """

    browser: Browser
    base_url: str
    scripts: bool
    visitors: "type[Visitor]"
    effort: Effort = field(default_factory=Effort)
    _visitors: dict[str, "Visitor"] = field(default_factory=dict)

    async def enter(self, person: Person) -> "Visitor":
        """Return the person, signed in; who was here before has stayed so."""
        if person.username not in self._visitors:
            if isinstance(person, Recruit):
                await person.register()
            account = Account(person.username, person.password)
            page = await signed_in(self.browser, self.base_url, account, scripts=self.scripts)
            page.on("domcontentloaded", lambda _page: self._count())
            self._visitors[person.username] = self.visitors(page, self.effort)
        return self._visitors[person.username]

    async def leave(self) -> None:
        for visitor in self._visitors.values():
            await visitor.page.context.close()

    def _count(self) -> None:
        self.effort.pages += 1


@dataclass
class Visitor:
    """Somebody at a page of the console, who sees its main part and the areas beside it."""

    page: Page
    effort: Effort

    @property
    def path(self) -> str:
        return self.page.url.partition("?")[0]

    def part(self, selector: str) -> Locator:
        return self.page.locator(f"main {selector}")

    async def go(self, path: str) -> None:
        """Open an address that somebody was given, or come back to it."""
        await self.page.goto(path)

    async def area(self, name: str) -> None:
        """Take an area of the menu."""
        await self._pressed(self.page.locator(f"nav.nav a:text-is('{name}')"))

    async def press(self, label: str) -> None:
        await self._pressed(self.part(f"button:visible:text-is('{label}')").first)

    async def follow(self, label: str) -> None:
        """Take a link with exactly this text."""
        exactly = re.compile(rf"^\s*{re.escape(label)}\s*$")
        await self._pressed(self.part("a:visible").filter(has_text=exactly).first)

    async def open(self, summary: str) -> None:
        """Unfold what lies under a heading."""
        await self._pressed(self.part(f"summary:text-is('{summary}')").first)

    async def take(self, selector: str) -> None:
        """Press what has no text of its own: a box, an area of the map."""
        await self._pressed(self.part(selector).first)

    async def _pressed(self, what: Locator) -> None:
        await what.click()
        self.effort.presses += 1

    async def fill(self, values: Mapping[str, str]) -> None:
        """Fill in fields by their names."""
        for name, value in values.items():
            await self.write(self.part(f"[name='{name}']:visible").first, value)

    async def write(self, place: Locator, value: str) -> None:
        if await place.evaluate("field => field.tagName") == "SELECT":
            await place.select_option(value)
        else:
            await place.fill(value)
        self.effort.fields += 1

    async def sees(self, words: str) -> None:
        """Wait until the words stand on the page."""
        await self.part(f":text('{words}')").first.wait_for()

    async def told(self, sentence: str) -> None:
        """Wait for the sentence that says what was done."""
        await self.page.wait_for_selector(f".done:has-text('{sentence}')")

    async def text(self) -> str:
        return await self.page.inner_text("main")

    async def download(self, selector: str) -> bytes:
        """Press what gives a file, and return it."""
        async with self.page.expect_download() as waiting:
            await self.take(selector)
        found = await (await waiting.value).path()
        return found.read_bytes()

    async def copied(self, selector: str) -> str:
        """Return what a press on it selects, as people copy where there is no clipboard."""
        await self.take(selector)
        chosen: str = await self.page.evaluate("() => getSelection().toString()")
        return chosen
