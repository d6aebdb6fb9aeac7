"""How fast the console's pages are, and how large: `python -m loadtests.console`.

A demo is played, then there are 100,000 resources, 10,000 subscriptions and ten thousand of
everything else. One person of each role follows all links to every kind of page, which is then
opened again and again, in turns. What is told is the time at the client on the same machine, so
that it holds all that the server spends, and the bytes of a first view as they are sent: the page
with its styles, scripts and pictures.
"""

import asyncio
import html
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Final
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
import typer
from fastapi.routing import APIRoute

from deploy.demo import story
from deploy.demo.narrator import Narrator
from deploy.demo.stage import Platform
from deploy.local.report import Report
from gateway.console.routes import ROUTERS
from loadtests.arena import Arena, kept_arena, machine, own_arena, program
from loadtests.catalogue_seed import filled
from loadtests.copies import checked, copied
from loadtests.runs import RunFailed
from loadtests.search import KEPT, RESOURCES, Keep, Resources, Rounds
from loadtests.statistics import in_turns, milliseconds_told, percentile
from loadtests.things import added, delivered

OTHERS, ROUNDS, WARM = 10_000, 20, 2
# Of checks of timeliness, as many as the figures of supervision add up without being asked.
DAYS: Final = 30
LIMIT_MS, VIEW_MAX = 100.0, 120 * 1024
# Of everybody whom the platform and its demo know: one for each role, of both sides.
PEOPLE: Final = (
    "statistics.clerk", "statistics.head", "agriculture.clerk", "agriculture.head",
    "authority", "operator", "security", "auditor",
)  # fmt: skip
# Where a GET answers with a file, or leads away.
LEFT_OUT: Final = re.compile(
    r"/(sign-in|callback|result|template|attachments/.*|snapshots/.*|examples|schema)$"
)
LINK: Final = re.compile(r'<a [^>]*?href="(/[^"#]*)')
PARTS: Final = re.compile(r'(?:href|src)="(/static/[^"]+)"')
HIDDEN: Final = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)"')
ROWS: Final = re.compile(r"<table.*?</table>", re.DOTALL)
# A page by its route and what is chosen on it: nothing, or one thing.
Kind = tuple[str, str]


@dataclass(slots=True)
class Opened:
    """A page of one person: its first view in bytes, its longest table, and how long it took."""

    who: str
    route: str
    address: str
    view_bytes: int
    rows: int
    milliseconds: list[float] = field(default_factory=list)

    @property
    def p95(self) -> float:
        return percentile(self.milliseconds, 0.95)


def main(
    resources: Resources = RESOURCES,
    others: Annotated[int, typer.Option(help="其他各类数据的数量 / of everything else")] = OTHERS,
    rounds: Rounds = ROUNDS,
    *,
    keep: Keep = False,
) -> int:
    report = Report()
    with kept_arena(KEPT, report) if keep else own_arena(report) as arena:
        platform = Platform(arena.base_url, arena.credentials, arena.settings, arena.folder)
        if not (arena.folder / "secrets.json").exists():
            story.tell(platform, Narrator())
            added(arena, _passwords(arena))
        seeded = asyncio.run(filled(arena.database_url, resources))
        counts = asyncio.run(copied(arena.database_url, others))
        checks = asyncio.run(checked(arena.database_url, DAYS))
        report.line(f"{seeded.resources:,} more resources, {checks:,} checks; {counts}")
        report.line(str(machine(arena)))
        with ExitStack() as browsers:
            things = asyncio.run(delivered(arena.database_url))
            pages = _walked(arena, browsers, things)
            opening = [partial(browser.get, opened.address) for browser, opened in pages]
            for (_browser, opened), times in zip(
                pages, in_turns(opening, rounds, WARM), strict=True
            ):
                opened.milliseconds = times
        return _told(report, [opened for _browser, opened in pages])


def _walked(
    arena: Arena, browsers: ExitStack, things: Mapping[str, Sequence[str]]
) -> list[tuple[httpx.Client, Opened]]:
    """Follow every link as each person, to one page of each kind, and from their `things`."""
    known = _passwords(arena)
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    shown = [route for route in routes if "GET" in (route.methods or ())]
    pages: list[tuple[httpx.Client, Opened]] = []
    missing = {route.path for route in shown if not LEFT_OUT.search(route.path)}
    for who in PEOPLE:
        browser = browsers.enter_context(closing(_signed_in(arena.base_url, who, known[who])))
        for opened in _followed(browser, who, shown, things.get(who, ())):
            pages.append((browser, opened))
            missing.discard(opened.route)
    sys.stdout.write(f"never reached: {', '.join(sorted(missing)) or 'none'}\n")
    return pages


def _followed(
    browser: httpx.Client, who: str, shown: Sequence[APIRoute], things: Sequence[str]
) -> Iterator[Opened]:
    """Follow links from the workbench, and then from each of the things."""
    waiting, later, seen = ["/console", "/"], [*things], set[Kind]()
    sizes: dict[str, int] = {}
    while waiting or later:
        is_thing = not waiting
        address = waiting.pop(0) if waiting else later.pop(0)
        place = urlsplit(address)
        route = next((each.path for each in shown if each.path_regex.match(place.path)), None)
        chosen = [name for name, value in parse_qsl(place.query) if value]
        kind = (route or "", "".join(chosen))
        if route is None or LEFT_OUT.search(place.path) or {"as", "live", "done"} & {*chosen}:
            continue
        known = kind in seen or (len(chosen) > 1 and route in {path for path, _chosen in seen})
        if known and not is_thing:
            continue
        seen.add(kind)
        page = browser.get(address)
        if page.is_server_error:
            raise RunFailed(f"{who} {address}: {page.status_code}")
        for part in set(PARTS.findall(page.text)) - sizes.keys():
            sizes[part] = browser.get(part).num_bytes_downloaded
        parts = sum(sizes[part] for part in set(PARTS.findall(page.text)))
        rows = max((each.count("<tr") for each in ROWS.findall(page.text)), default=0)
        yield Opened(who, route, address, page.num_bytes_downloaded + parts, rows)
        waiting += (urljoin(address, html.unescape(link)) for link in LINK.findall(page.text))


def _passwords(arena: Arena) -> Mapping[str, str]:
    told = json.loads(arena.credentials.read_text())
    made: dict[str, str] = json.loads((arena.folder / "secrets.json").read_text())
    return made | {each["username"]: each["password"] for each in told["people"]}


def _signed_in(base_url: str, username: str, password: str) -> httpx.Client:
    browser = httpx.Client(
        base_url=base_url, follow_redirects=True, timeout=60, headers={"Accept": "text/html"}
    )
    form = dict(HIDDEN.findall(browser.get("/console").text))
    data = {name: html.unescape(value) for name, value in form.items()}
    data |= {"username": username, "password": password}
    if not browser.post("/oauth/authorize", data=data).url.path.startswith("/console"):
        raise RunFailed(f"{username} could not sign in")
    return browser


def _told(report: Report, pages: Sequence[Opened]) -> int:
    """Tell the slowest of each route; return 1 where one is too slow or too large."""
    slowest = {each.route: each for each in sorted(pages, key=lambda page: page.p95)}
    for each in reversed(slowest.values()):
        told, size = milliseconds_told(each.milliseconds), each.view_bytes / 1024
        report.line(f"{told}  {size:5.1f} KiB {each.rows:4} rows  {each.who:18} {each.address}")
    slow = sorted({each.route for each in pages if each.p95 > LIMIT_MS})
    large = sorted({each.route for each in pages if each.view_bytes > VIEW_MAX})
    report.line(
        f"{len(pages)} pages of {len(slowest)} routes; most {max(p.rows for p in pages)} rows"
    )
    report.line(f"over {LIMIT_MS} ms: {slow or 'none'}; over {VIEW_MAX:,} bytes: {large or 'none'}")
    return 1 if slow or large else 0


if __name__ == "__main__":
    program(main)
