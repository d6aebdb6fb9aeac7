"""个人: one's own sessions, and what concerned one's department lately."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter

from auth.oauth import sessions
from auth.oauth.sessions import OwnSession
from auth.principal import Role
from gateway.api import events as api
from gateway.api.events import EventView
from gateway.console.pages import act, page
from gateway.console.places import place
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit
from gateway.oauth.browser import Browser
from gateway.oauth.desk import life

router = APIRouter()
SESSIONS = "sessions.html"
EVENTS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Sessions:
    sessions: Sequence[OwnSession]
    others: int


@page(router, "/console/sessions", SESSIONS)
async def own(visit: Visit) -> Sessions:
    settings = visit.using.settings
    browser = Browser(visit.request, settings)
    async with visit.reading() as session:
        found = await sessions.own(
            session, visit.principal, browser.cookie, life(settings).idle, now=visit.now
        )
    return Sessions(found, sum(not each.present for each in found))


async def end_others(visit: Visit) -> Go:
    browser = Browser(visit.request, visit.using.settings)
    async with visit.writing() as session:
        await sessions.end_others(
            session, visit.principal, browser.cookie, browser.source, now=visit.now
        )
    return Go("/console/sessions", N_("其他登录已全部结束。"))


act(router, "/console/sessions", own, SESSIONS)(end_others)


@dataclass(frozen=True, slots=True)
class Events:
    """`places` lead to the things of the events that have a page."""

    events: Sequence[EventView]
    places: Mapping[str, str]
    next_after: str


@page(router, "/console/events", "events.html")
async def events(visit: Visit) -> Events:
    visit.principal.require_role(Role.CLERK, Role.HEAD, Role.AUTHORITY)
    found = await api.read(
        visit.principal, visit.using, None, visit.query("after"), None, 0, EVENTS_SHOWN
    )
    places = {each.id: _place(each) for each in found.items}
    return Events(found.items, places, found.next_after)


def _place(event: EventView) -> str:
    return place(event.type.partition(".")[0], event.thing)
