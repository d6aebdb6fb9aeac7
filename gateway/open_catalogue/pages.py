"""Pages of the open catalogue, without sign-in, as the console shows its own."""

from typing import Final
from urllib.parse import urlencode

from fastapi import Request
from starlette.responses import HTMLResponse

from catalog.open_data import OpenEntry
from gateway.console import render
from gateway.console.visit import english_of
from gateway.open_catalogue.graph import FILES, Site
from gateway.open_catalogue.vocabulary import CLASSES
from kernel.paging import Page

# Stricter than the console's: these have neither scripts nor forms.
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Vary": "Accept, Accept-Language, Cookie",
}


def entries(request: Request, site: Site, found: Page[OpenEntry]) -> HTMLResponse:
    following = None
    if found.next_cursor is not None:
        following = "?" + urlencode({**request.query_params, "cursor": found.next_cursor})
    return _page(request, site, "open_entries.html", entries=found.items, following=following)


def entry(request: Request, site: Site, shown: OpenEntry) -> HTMLResponse:
    return _page(request, site, "open_entry.html", entry=shown, files=tuple(FILES))


def _page(request: Request, site: Site, template: str, **values: object) -> HTMLResponse:
    english = english_of(request)

    def class_of(entry: OpenEntry) -> str:
        return f"{CLASSES[entry.class_code[0]][english]} {entry.class_code}"

    values |= {"licence": site.licence, "class_of": class_of}
    page = render.html(template, values, english=english)
    page.headers.update(HEADERS)
    return page
