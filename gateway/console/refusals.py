"""为何被拒: the chain of checks behind a correlation id, and the latest refusals."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter

from auth.principal import Role
from gateway.api import refusals as api
from gateway.api.refusals import ExplainBody, Explanation, RefusalView
from gateway.console import forms
from gateway.console.pages import act, page
from gateway.console.visit import Visit
from kernel.errors import NotFound

router = APIRouter()
READERS = (Role.CLERK, Role.HEAD, Role.SECURITY, Role.AUDITOR)
TEMPLATE = "refusals.html"


@dataclass(frozen=True, slots=True)
class RefusalsPage:
    """`asked` was looked for; `missing` when nothing is known of it."""

    asked: str
    missing: bool
    explanation: Explanation | None
    refusals: Sequence[RefusalView]
    next_cursor: str | None


@page(router, "/console/refusals", TEMPLATE)
async def refusals(visit: Visit) -> RefusalsPage:
    """Show the latest refusals, and explain the one that the address names."""
    asked = (visit.query("correlation_id") or "").strip()[:64]
    explanation = await _explained(visit, {"correlation_id": asked}) if asked else None
    return await _page(visit, asked, explanation)


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
    return RefusalsPage(asked, missing, explanation, found.items, found.next_cursor)


def _language(visit: Visit) -> str:
    return "en" if visit.english else "zh"
