"""个人: one's own sessions, and what concerned one's department lately."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter

from auth.oauth import sessions
from auth.oauth.sessions import OwnSession
from auth.principal import Role
from gateway.api import events as api
from gateway.api import me
from gateway.api.events import EventView
from gateway.api.me import PasswordIn
from gateway.console import forms
from gateway.console.pages import act, page
from gateway.console.places import place
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit
from gateway.oauth.browser import Browser
from gateway.oauth.desk import life
from kernel.errors import FieldError, Invalid

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


async def change_password(visit: Visit) -> Go:
    """Take the old password and the new one, typed twice; every other sign-in ends with it."""
    old, new = visit.typed("old_password"), visit.typed("new_password")
    if new != visit.typed("again_password"):
        wrong = FieldError("again_password", "pattern", "与新口令不一致", "not the new password")
        raise Invalid(errors=[wrong])
    body = forms.body(PasswordIn, {"old_password": old, "new_password": new})
    await me.change_password(body, visit.request, visit.using, visit.own or visit.principal)
    return Go("/console/sessions", N_("口令已更换，其他登录已全部结束。"))


act(router, "/console/sessions", own, SESSIONS)(end_others)
act(router, "/console/password", own, SESSIONS)(change_password)


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
    places = {each.id: place_of(each) for each in found.items}
    return Events(found.items, places, found.next_after)


def place_of(event: EventView) -> str:
    """Return where the thing of an event has its page, empty without one."""
    return place(event.type.partition(".")[0], event.thing)
