"""The open face: `/catalog.ttl`, `/catalog.jsonld`, `/open`, `/open/{id}`; for anyone."""

import asyncio
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.routing import APIRoute

from catalog import open_data
from catalog.open_data import OpenEntry
from exchange.delivery.snapshots.formats import Format
from gateway import downloads
from gateway.api.snapshots import FILE
from gateway.lists import ListOf, Paging
from gateway.negotiation import prefers_html
from gateway.open_catalogue import pages
from gateway.open_catalogue.graph import FILES, PAGE_SIZE, Site, Syntax, written
from gateway.routing import Operation
from gateway.services import Reading, Using
from kernel.database import ReadSession
from kernel.errors import NotFound
from kernel.wire import Wire

PAGES_MAX: Final = 100_000
# FastAPI takes what is not its own JSON for a text.
DOCUMENT: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"application/ld+json": {"schema": {"type": "object"}}}}
}
# Completed by what the page says.
TAGGED: Final = {"ETag": 'W/"1"'}
# A page is written by one thread at a time: whoever asks for many waits, and nobody else.
_WRITING: Final = asyncio.Semaphore(1)


class Turtle(Response):
    media_type = "text/turtle"


class JsonLd(Response):
    media_type = "application/ld+json"


def _strict(request: Request) -> None:
    """Raise BadRequest for a parameter that is unknown or doubled, as under `/v1`."""
    route = request.scope["route"]
    assert isinstance(route, APIRoute)  # noqa: S101 - narrows the type
    Operation(route, "").check_query(request.scope["query_string"], request.path_params)


router = APIRouter(tags=["open"], dependencies=[Depends(_strict)])

PageNumber = Annotated[
    int, Query(ge=1, le=PAGES_MAX, description="第几页，每页 100 条 / which page of 100 entries")
]
EntryId = Annotated[str, Path(min_length=1, max_length=64)]
Suffix = Annotated[str, Path(max_length=16, description="csv, ndjson, parquet")]


class OpenItemView(Wire):
    name: str
    label: str
    element: str
    element_name: str
    data_type: str
    definition: str


class DownloadView(Wire):
    """Where all records of an entry are, as one file."""

    format: Format
    url: str


class OpenEntryView(Wire):
    """An entry that is open to everybody; `updated_at` is when what it says was published."""

    id: str
    name: str
    abstract: str
    class_code: str
    region_code: str
    department: str
    department_name: str
    update_cycle: str
    version: int
    created_at: datetime
    updated_at: datetime
    licence: str
    url: str
    items: list[OpenItemView]
    downloads: list[DownloadView]


def _view(site: Site, entry: OpenEntry) -> OpenEntryView:
    told = {name: getattr(entry, name) for name in OpenEntry.__slots__}
    told["updated_at"] = told.pop("published_at")
    told["items"] = [asdict(item) for item in entry.items]
    told["downloads"] = [
        DownloadView(format=Format(suffix), url=str(site.file(entry.id, suffix)))
        for suffix in FILES
    ]
    return OpenEntryView(**told, licence=site.licence, url=str(site.entry(entry.id)))


def _site(using: Using) -> Site:
    return Site(using.settings.base_url, using.settings.open_licence)


Here = Annotated[Site, Depends(_site)]


@router.get("/catalog.ttl", response_class=Turtle)
async def turtle(session: Reading, site: Here, page: PageNumber = 1) -> Response:
    """开放目录，DCAT-AP 3 的 Turtle / the open catalogue as DCAT-AP 3 in Turtle."""
    return Turtle(await _written(session, site, page, "turtle"), headers=TAGGED)


@router.get("/catalog.jsonld", response_class=JsonLd, responses=DOCUMENT)
async def json_ld(session: Reading, site: Here, page: PageNumber = 1) -> Response:
    """开放目录，DCAT-AP 3 的 JSON-LD / the open catalogue as DCAT-AP 3 in JSON-LD."""
    return JsonLd(await _written(session, site, page, "json-ld"), headers=TAGGED)


async def _written(session: ReadSession, site: Site, page: int, syntax: Syntax) -> bytes:
    found = await open_data.numbered(session, page, PAGE_SIZE)
    async with _WRITING:
        return await asyncio.to_thread(written, site, found, syntax)


@router.get("/open")
async def find(
    request: Request, session: Reading, site: Here, paging: Paging
) -> ListOf[OpenEntryView]:
    """向社会开放的目录 / what is open to everybody, as a page or JSON."""
    found = await open_data.find(session, paging)
    if _wants_page(request):
        return pages.entries(request, site, found)  # type: ignore[return-value]
    items = [_view(site, entry) for entry in found.items]
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/open/{entry_id}.{suffix}", response_class=Response, responses=FILE)
async def download(request: Request, using: Using, entry_id: EntryId, suffix: Suffix) -> Response:
    """下载开放目录的全部最新记录 / all last records of an open entry, for anyone.

    `Last-Modified` is the moment up to which they are true; `Link` names the licence.
    """
    if suffix not in FILES:
        raise NotFound
    served = await using.bus.open_files.get(entry_id, Format(suffix))
    answer = await downloads.download(using, request, served.blob, served.as_of)
    answer.headers["Link"] = f'<{using.settings.open_licence}>; rel="license"'
    answer.headers["Cache-Control"] = "no-cache"
    return answer


@router.get("/open/{entry_id}")
async def get(request: Request, session: Reading, site: Here, entry_id: EntryId) -> OpenEntryView:
    """一条开放目录 / one open entry, as a page or JSON."""
    entry = await open_data.get(session, entry_id)
    if _wants_page(request):
        return pages.entry(request, site, entry)  # type: ignore[return-value]
    return _view(site, entry)


def _wants_page(request: Request) -> bool:
    return prefers_html(request.headers.get("accept", "").encode("latin-1"))
