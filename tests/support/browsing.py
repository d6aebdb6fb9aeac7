"""A person before the console, over real HTTP and without JavaScript: pages, links and forms."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from tests.support.callers import Person, Recruit

Data = dict[str, list[str]]


@dataclass
class Form:
    """A form of a page, with what stands in its fields."""

    action: str
    method: str
    fields: Data = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class Reader(HTMLParser):
    """The forms and links of a page, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self._select, self._fresh = "", False
        self._area: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "form":
            self.forms.append(Form(values.get("action", ""), values.get("method", "get")))
        if not self.forms:
            return
        form, name = self.forms[-1], values.get("name", "")
        ticks = values.get("type") in ("checkbox", "radio")
        if tag == "input" and name and (not ticks or "checked" in values):
            form.fields.setdefault(name, []).append(values.get("value", "on" if ticks else ""))
        if tag == "select":
            self._select, self._fresh = name, True
        if tag == "option" and self._select:
            self._option(form, values)
        if tag == "textarea":
            self._area = name
            form.fields[name] = [""]
        if tag == "button" and name:
            form.buttons.append((name, values.get("value", "")))

    def _option(self, form: Form, values: Mapping[str, str]) -> None:
        """Choose the first, or the one that is marked; several selects may have one name."""
        chosen = form.fields.setdefault(self._select, [])
        if self._fresh:
            chosen.append(values.get("value", ""))
        elif "selected" in values:
            chosen[-1] = values.get("value", "")
        self._fresh = False

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        if tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        if self._area is not None and self.forms:
            self.forms[-1].fields[self._area] = [data.removeprefix("\n")]
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


class Page(Reader):
    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(answer.text)
        self.answer = answer
        self.status = answer.status_code
        self.url = str(answer.url)
        self.path = urlsplit(self.url).path

    def form(self, ending: str) -> Form:
        """The one form whose action ends so."""
        found = [form for form in self.forms if form.action.endswith(ending)]
        assert found, f"no form {ending} on {self.url}: {[form.action for form in self.forms]}"
        return found[0]


class Browser:
    """Cookies of one person, who follows redirects as browsers do."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.base_url = str(http.base_url).rstrip("/")

    async def open(self, path: str, **query: str) -> Page:
        return Page(await self.http.get(path, params=query or None))

    async def send(self, page: Page, ending: str, **filled: Any) -> Page:  # noqa: ANN401
        """Fill a form of the page, and send it as the page's own browser would."""
        form = page.form(ending)
        data: Data = {**form.fields, **{name: _listed(value) for name, value in filled.items()}}
        address = urljoin(page.url, form.action)
        return await self.post(address, data)

    async def post(self, address: str, data: Mapping[str, Any], **headers: str) -> Page:
        usual = {"Origin": self.base_url}
        answer = await self.http.post(address, data=dict(data), headers={**usual, **headers})
        return Page(answer)


def _listed(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list | tuple) else [str(value)]


@asynccontextmanager
async def browsing(base_url: str, person: Person | None = None) -> AsyncIterator[Browser]:
    """Open a browser, signed in as the person if one is named."""
    headers = {"Accept": "text/html", "Accept-Language": "zh-CN"}
    async with httpx.AsyncClient(
        base_url=base_url, headers=headers, timeout=120, follow_redirects=True
    ) as http:
        browser = Browser(http)
        if person is not None:
            await sign_in(browser, person)
        yield browser


async def sign_in(browser: Browser, person: Person, then: str = "/console") -> Page:
    if isinstance(person, Recruit):
        await person.register()
    page = await browser.open(then)
    filled = {"username": person.username, "password": person.password}
    return await browser.send(page, "/oauth/authorize", **filled)
