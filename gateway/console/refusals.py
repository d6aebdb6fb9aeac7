"""为何被拒: the chain of checks behind a correlation id, and the latest refusals."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from fastapi import APIRouter

from auth import directory
from auth.principal import Role
from gateway.api import refusals as api
from gateway.api.refusals import ExplainBody, Explanation, RefusalView
from gateway.console import forms
from gateway.console.pages import act, page
from gateway.console.places import place
from gateway.console.visit import Visit
from kernel.errors import NotFound

router = APIRouter()
READERS = (Role.CLERK, Role.HEAD, Role.SECURITY, Role.AUDITOR)
TEMPLATE = "refusals.html"
ABOUT = re.compile(r"/v1/(subscription|resource|application|client)s/([\w.-]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class RefusalsPage:
    """`asked` was looked for; `missing` when nothing is known of it.

    `thing` is the kind of what the explained request was about, and `place` its page; `people` are
    those whom the person may know by name.
    """

    asked: str
    missing: bool
    explanation: Explanation | None
    refusals: Sequence[RefusalView]
    next_cursor: str | None
    thing: str = ""
    place: str = ""
    people: Mapping[str, str] = field(default_factory=dict)


@page(router, "/console/refusals", TEMPLATE)
async def refusals(visit: Visit) -> RefusalsPage:
    """Show the latest refusals, and explain the one that the address names."""
    asked = (visit.query("correlation_id") or "").strip()[:64]
    explanation = await _explained(visit, {"correlation_id": asked}) if asked else None
    shown = await _page(visit, asked, explanation)
    if explanation is None or not visit.has(*READERS):
        return shown
    async with visit.reading() as session:
        try:
            known = await api.get(asked, visit.principal, session, accept_language=_language(visit))
        except NotFound:
            return shown
    thing, where = thing_of(known.path)
    return replace(shown, thing=thing, place=where)


def thing_of(path: str) -> tuple[str, str]:
    """Return which kind of thing an address of the API is about, and its page; empty if none."""
    found = ABOUT.match(path)
    return (found[1], place(found[1], found[2])) if found else ("", "")


async def of_token(visit: Visit) -> RefusalsPage:
    """Explain what a token may do; it comes in the body, for no address to hold."""
    token = forms.required(visit, "access_token")
    return await _page(visit, "…", await _explained(visit, {"token": token}))


act(router, "/console/refusals", refusals, TEMPLATE)(of_token)


async def _explained(visit: Visit, asked: dict[str, str]) -> Explanation | None:
    body = forms.body(ExplainBody, asked)
    async with visit.reading() as session:
        try:
            return await api.explain(
                body, visit.principal, visit.using, session, accept_language=_language(visit)
            )
        except NotFound:
            return None


async def _page(visit: Visit, asked: str, explanation: Explanation | None) -> RefusalsPage:
    missing = bool(asked) and explanation is None
    if not visit.has(*READERS):
        return RefusalsPage(asked, missing, explanation, (), None)
    async with visit.reading() as session:
        found = await api.find(
            visit.principal,
            session,
            visit.paging,
            client_id=visit.query("client_id"),
            code=visit.query("code"),
            accept_language=_language(visit),
        )
        ids = {each.person for each in found.items if each.person is not None}
        members = await directory.people(session, ids)
    people = {
        id_: member.name
        for id_, member in members.items()
        if directory.may_name(visit.principal, member)
    }
    return RefusalsPage(asked, missing, explanation, found.items, found.next_cursor, people=people)


def _language(visit: Visit) -> str:
    return "en" if visit.english else "zh"
