"""The basket: resources chosen over several searches, to be applied for by one form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from auth.principal import Role
from catalog import directory
from gateway.console.applications import RESOURCES_MAX
from gateway.console.catalogue import catalogue
from gateway.console.pages import act, page
from gateway.console.visit import Visit

router = APIRouter()
COOKIE: Final = "shuyuan_basket"
BETWEEN: Final = "."
ID_MAX: Final = 64
SEE_OTHER: Final = 303
ADDRESS: Final = "/console/basket"


def kept(visit: Visit) -> list[str]:
    """Return what lies in the browser's basket; it names resources and opens nothing."""
    named = visit.request.cookies.get(COOKIE, "").split(BETWEEN)
    return _plain(named)


def _plain(named: Sequence[str]) -> list[str]:
    plain = (each for each in named if each.isascii() and each.isalnum() and len(each) <= ID_MAX)
    return list(dict.fromkeys(plain))[:RESOURCES_MAX]


@dataclass(frozen=True, slots=True)
class Basket:
    """Resources by id and name; what is no longer there has left the basket by itself."""

    resources: Sequence[tuple[str, str]]


@page(router, ADDRESS, "basket.html")
async def shown(visit: Visit) -> Basket:
    visit.principal.require_role(Role.CLERK)
    chosen = kept(visit)
    async with visit.reading() as session:
        names = await directory.resources(session, chosen) if chosen else {}
    return Basket([(each, names[each]) for each in chosen if each in names])


async def choose(visit: Visit) -> Response:
    """Apply for what was ticked at once, or put it into the basket."""
    visit.principal.require_role(Role.CLERK)
    ticked = _plain(visit.texts("resource"))
    if visit.text("go") != "basket":
        query = urlencode([("resource", each) for each in ticked])
        return RedirectResponse(f"/console/applications/new?{query}", SEE_OTHER)
    return _keep([*kept(visit), *ticked])


async def drop(visit: Visit) -> Response:
    """Take one resource out of the basket, or all."""
    gone = visit.texts("resource")
    return _keep([each for each in kept(visit) if gone and each not in gone])


def _keep(chosen: Sequence[str]) -> Response:
    response = RedirectResponse(ADDRESS, SEE_OTHER)
    value = BETWEEN.join(_plain(chosen))
    response.set_cookie(COOKIE, value, path="/console", httponly=True, samesite="lax")
    return response


act(router, "/console/catalogue/choose", catalogue, "catalogue.html")(choose)
act(router, ADDRESS, shown, "basket.html")(drop)
