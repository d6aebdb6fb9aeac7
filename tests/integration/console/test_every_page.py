"""Every page that links lead to: harmful names, long lists, strangers, forms without a token."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import asyncpg
import httpx
import pytest

from deploy.local.stack import Endpoints
from gateway.console.visit import PAGE_ROWS
from loadtests.copies import copy
from tests.support.browsing import Browser, Form, Page, browsing
from tests.support.callers import Person
from tests.support.world import Department, World, unique

HARM = "<b onx=1>\"'&"
SHOWN = "&lt;b onx=1&gt;"
# What a page must never hold as it was typed.
RAW = re.compile(r"<b onx=1>|<script>alert")
# Segments of addresses that name one thing of many.
NAMES = re.compile(r"(?<=/)(?=[^/]*[\dA-Z%])[^/]+")
# Where a GET answers with a file (JSON may hold any name), or ends what the test goes on with.
LEFT_OUT = re.compile(
    r"/(sign-in|result|template|attachments/.*|snapshots/.*|contract/(schema|examples))(\?|$)|as=xlsx"
)
PAGES_MAX = 90
# Its longest table has a row for each point of a chart.
CHARTED = "/console/status"
TABLE = re.compile(r"<table.*?</table>", re.DOTALL)
# More than a page of what a department has, by table: what tells copies apart, and whose it is.
COPIES = PAGE_ROWS + 5
COPIED = {
    "exchange.demand": ("id", "department = '{}'"),
    "exchange.supervision_order": ("id", "department = '{}'"),
    "exchange.application": ("id", "consumer_department = '{}' AND subscription_id IS NULL"),
    "auth.person": ("id username", "department = '{}'"),
    "auth.client": ("client_id", "department = '{}'"),
    "catalog.resource": ("id resource_code", "department = '{}'"),
    "catalog.resource_version": (
        "resource_id",
        "resource_id IN (SELECT id FROM catalog.resource WHERE department = '{}')",
    ),
}
UNAUTHORIZED, FORBIDDEN, FAILED = 401, 403, 500
# Anybody may choose a language; a sign-out looks at where it comes from alone.
OPEN = frozenset({"/console/language", "/console/sign-out"})


@dataclass
class Walk:
    """Pages by the kind of their address, and the forms on them by where they go."""

    pages: dict[str, Page] = field(default_factory=dict)
    forms: dict[str, Form] = field(default_factory=dict)


def kind_of(path: str) -> str:
    return NAMES.sub("*", path)


async def walked(browser: Browser) -> Walk:
    """Follow every link inside the console, to one page of each kind."""
    walk, waiting = Walk(), ["/console"]
    while waiting and len(walk.pages) < PAGES_MAX:
        address = waiting.pop(0)
        kind = kind_of(urlsplit(address).path)
        if kind in walk.pages or LEFT_OUT.search(address):
            continue
        page = walk.pages[kind] = await browser.open(address)
        for link in page.links:
            there = urlsplit(urljoin(page.url, link))
            if there.path.startswith("/console"):
                waiting.append(f"{there.path}?{there.query}" if there.query else there.path)
        for form in page.forms:
            if form.method.lower() == "post":
                walk.forms.setdefault(kind_of(form.action), form)
    return walk


@dataclass
class Plot:
    provider: Department
    consumer: Department
    people: Mapping[str, Person]


def rows_of(page: Page) -> int:
    """How many rows the longest table has, without its head."""
    return max((each.count("<tr") - 1 for each in TABLE.findall(page.answer.text)), default=0)


async def multiply(database_url: str, uscc: str) -> None:
    """Let the department have more of everything than a page shows."""
    connection = await asyncpg.connect(database_url)
    try:
        for table, (names, whose) in COPIED.items():
            await copy(connection, table, names, COPIES, whose.format(uscc))
    finally:
        await connection.close()


@pytest.fixture
async def plot(world: World, endpoints: Endpoints) -> Plot:
    """Names and sentences that mean harm wherever somebody may type one."""
    provider = await world.department(name=unique(HARM))
    consumer = await world.department(name=unique(HARM))
    element = await world.element(name=unique(HARM), definition=HARM, max_length=64)
    await world.source(provider, element)
    items = [
        {"name": "id", "key": True, "max_length": 64, "label": HARM},
        {
            "name": "name",
            "required": True,
            "label": f"{HARM}二",
            "element": element,
            "role": "source",
        },
    ]
    resource = await world.resource(provider, items, name=unique(HARM), abstract=HARM)
    await world.resource(provider, items, name=unique(HARM), publish=False, abstract=HARM)
    client = await world.client(consumer)
    said: dict[str, Any] = {"basis": HARM, "scenario": HARM, "scope": HARM}
    await world.subscription(resource, consumer, client, **said)
    application = await world.application(resource, consumer, client, **said)
    await consumer.head.ask("POST", f"/v1/applications/{application}/sign")
    await world.demand(consumer, title=HARM, description=HARM)
    await world.order(consumer)
    for department in (provider, consumer):
        # Who has signed in is there to be copied.
        await department.clerk.token()
        await multiply(endpoints.database_url, department.uscc)
    people = {
        "provider's head": provider.head,
        "provider's clerk": provider.clerk,
        "consumer's head": consumer.head,
        "consumer's clerk": consumer.clerk,
        "authority": world.authority,
        "operator": world.operator,
        "security": world.security,
        "auditor": world.auditor,
    }
    return Plot(provider, consumer, people)


async def test_no_page_runs_a_name_and_no_form_is_taken_from_elsewhere(
    world: World, plot: Plot
) -> None:
    """Each kind of page is opened by all who see it, its forms and strangers are tried once.

    However much there is of everything, no page holds more of it than its rows.
    """
    wrong: list[tuple[str, str, object]] = []
    strange: dict[str, str] = {}
    named: set[str] = set()
    cut: set[str] = set()
    tried: set[str] = set()
    for who, person in plot.people.items():
        async with browsing(world.base_url, person) as browser:
            walk = await walked(browser)
            assert len(walk.pages) >= 8, (who, list(walk.pages))
            for kind, page in walk.pages.items():
                wrong += [(who, kind, page.status)] if page.status >= FAILED else []
                wrong += [(who, kind, "raw")] if RAW.search(page.answer.text) else []
                long = kind != CHARTED and rows_of(page) > PAGE_ROWS
                wrong += [(who, kind, rows_of(page))] if long else []
                cut |= {kind} if 'rel="next"' in page.answer.text else set()
                strange.setdefault(kind, page.url)
                named |= {kind} if SHOWN in page.answer.text else set()
            forms = {kind: form for kind, form in walk.forms.items() if kind not in tried | OPEN}
            tried |= forms.keys()
            wrong += await taken_without_token(browser, forms)
            wrong += await lost_without_session(world, forms)
    async with browsing(world.base_url, (await world.department()).clerk) as stranger:
        for kind, address in strange.items():
            seen = await stranger.open(address)
            wrong += [("a stranger", kind, seen.status)] if seen.status >= FAILED else []
            wrong += [("a stranger", kind, "raw")] if RAW.search(seen.answer.text) else []
    assert wrong == []
    assert len(tried) > 20, sorted(tried)
    assert len(cut) >= len(COPIED) - 1, sorted(cut)
    assert len(named) > 10, sorted(named)


async def taken_without_token(
    browser: Browser, forms: Mapping[str, Form]
) -> list[tuple[str, str, object]]:
    """A script that posts what the page would, but for its token, is asked whether it meant it."""
    wrong: list[tuple[str, str, object]] = []
    for kind, form in forms.items():
        fields = {name: value for name, value in form.fields.items() if name != "token"}
        answer = await browser.post(form.action, fields)
        wrong += [] if answer.status == FORBIDDEN else [("no token", kind, answer.status)]
    return wrong


async def lost_without_session(
    world: World, forms: Mapping[str, Form]
) -> list[tuple[str, str, object]]:
    """Whose session has ended meanwhile finds all of it in the page that says so."""
    headers = {"Accept": "text/html", "Origin": world.base_url}
    wrong: list[tuple[str, str, object]] = []
    async with httpx.AsyncClient(base_url=world.base_url, headers=headers, timeout=60) as nobody:
        for kind, form in forms.items():
            answer = await nobody.post(form.action, data={**form.fields, "reason": HARM})
            kept = any(each.fields.get("reason") == [HARM] for each in Page(answer).forms)
            fine = answer.status_code == UNAUTHORIZED and kept and not RAW.search(answer.text)
            wrong += [] if fine else [("no session", kind, answer.status_code)]
    return wrong
