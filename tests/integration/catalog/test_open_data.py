"""What is open to everybody, over HTTP and without sign-in: judged when it is asked for."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from rdflib import DCAT, Graph

from tests.support.world import Department, World

OPEN: dict[str, Any] = {"open_type": "open", "grade": 1}
# rdflib's own reader of JSON-LD uses what rdflib calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning")
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
HOSTILE = '<script>alert("数")</script> 统计'


@dataclass(frozen=True)
class Shelf:
    """One department's entries: an open one, and those that are none for one reason each."""

    http: httpx.AsyncClient
    provider: Department
    open: str
    closed: dict[str, str]


@pytest.fixture(scope="module")
async def shelf(world: World) -> Shelf:
    provider = await world.department()
    person = {"name": "id_number", "personal": True}
    clear = {**person, "unmasked_reason": "依法公示"}
    key = {"name": "id", "key": True}
    closed = {
        "closed": await world.resource(provider),
        "conditional": await world.resource(provider, open_type="conditional", grade=1),
        "grade 2": await world.resource(provider, open_type="open", grade=2),
        "personal in clear": await world.resource(provider, [key, clear], **OPEN),
        "draft": await world.resource(provider, publish=False, **OPEN),
    }
    masked = {**person, "mask": {"kind": "full"}}
    opened = await world.resource(provider, [key, masked], name=HOSTILE, **OPEN)
    return Shelf(world.http, provider, opened, closed)


async def listed(http: httpx.AsyncClient) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = {}
    cursor: str | None = ""
    while cursor is not None:
        parameters = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
        answer = (await http.get("/open", params=parameters)).raise_for_status().json()
        found |= {entry["id"]: entry for entry in answer["items"]}
        cursor = answer["next_cursor"]
    return found


async def datasets(http: httpx.AsyncClient, suffix: str, syntax: str) -> set[str]:
    answer = (await http.get(f"/catalog.{suffix}")).raise_for_status()
    read = Graph().parse(data=answer.content, format=syntax)
    return {str(dataset) for dataset in read.objects(None, DCAT.dataset)}


async def test_only_what_harms_nobody_is_listed(shelf: Shelf) -> None:
    entries = await listed(shelf.http)
    assert shelf.open in entries
    assert entries[shelf.open]["department_name"] == shelf.provider.name
    assert not entries.keys() & set(shelf.closed.values())


@pytest.mark.parametrize(("suffix", "syntax"), [("ttl", "turtle"), ("jsonld", "json-ld")])
async def test_other_programs_read_it_as_linked_data(
    shelf: Shelf, suffix: str, syntax: str
) -> None:
    told = await datasets(shelf.http, suffix, syntax)
    assert any(each.endswith(f"/open/{shelf.open}#dataset") for each in told)
    assert not any(each in " ".join(told) for each in shelf.closed.values())


async def test_what_is_not_open_is_not_found(shelf: Shelf) -> None:
    for resource in (*shelf.closed.values(), "nothing", "中文"):
        answer = await shelf.http.get(f"/open/{resource}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_browser_gets_a_page_in_its_language_that_runs_no_script(shelf: Shelf) -> None:
    answer = await shelf.http.get(f"/open/{shelf.open}", headers=BROWSER)
    assert answer.headers["content-type"].startswith("text/html")
    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text
    assert "更新周期" in answer.text
    english = {**BROWSER, "Accept-Language": "en"}
    assert "Update cycle" in (await shelf.http.get("/open", headers=english)).text


async def test_an_unchanged_page_is_not_sent_again(shelf: Shelf) -> None:
    first = await shelf.http.get("/catalog.ttl")
    again = await shelf.http.get("/catalog.ttl", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "address",
    ["/catalog.ttl?page=0", "/catalog.ttl?page=x", "/catalog.jsonld?seite=1", "/open?limit=1000",
     "/open?cursor=!", "/open?q=1", "/catalog.ttl?page=1&page=2"],
)  # fmt: skip
async def test_a_parameter_that_is_none_is_named(shelf: Shelf, address: str) -> None:
    answer = await shelf.http.get(address)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_behind_the_last_page_there_is_nothing(shelf: Shelf) -> None:
    assert (await shelf.http.get("/catalog.ttl?page=99999")).status_code == 404


async def test_an_entry_that_is_retired_is_open_no_more(shelf: Shelf, world: World) -> None:
    resource = await world.resource(shelf.provider, **OPEN)
    assert (await shelf.http.get(f"/open/{resource}")).status_code == 200
    await world.authority.ask("POST", f"/v1/resources/{resource}/retire", {"reason": "停办"})
    assert (await shelf.http.get(f"/open/{resource}")).status_code == 404


async def test_an_entry_whose_element_has_become_sensitive_is_open_no_more(
    shelf: Shelf, world: World
) -> None:
    """Its grade was judged when it was published: the page and the download went on (Art 12)."""
    opened = await world.resource(shelf.provider, [{"name": "id", "key": True}], **OPEN)
    assert opened in await listed(shelf.http)
    entry = await shelf.provider.clerk.ask("GET", f"/v1/resources/{opened}")
    await world.authority.ask(
        "PATCH",
        f"/v1/elements/{entry['items'][0]['element']}",
        {"sensitivity": 3},
        headers={"If-Match": "*"},
    )
    assert opened not in await listed(shelf.http)
    for address in (f"/open/{opened}", f"/open/{opened}.csv"):
        answer = await shelf.http.get(address, headers={"Accept": "application/json"})
        assert answer.status_code == 404
