"""应用系统: application systems of departments, and their secrets, each shown once."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Response

from auth import clients
from auth.clients import NewClient, Rotation
from auth.directory import Active
from auth.principal import Role
from auth.states import Action
from gateway.api import clients as api
from gateway.api.clients import ClientChangeIn, ClientIn, ClientView, RateLimitModel, RotateIn
from gateway.api.registry import Contractor
from gateway.console import forms
from gateway.console.offered import departments
from gateway.console.pages import act, page, steps
from gateway.console.texts import N_
from gateway.console.visit import Go, Visit
from kernel.database import WriteSession
from kernel.errors import ShuyuanError

router = APIRouter()
LIST, NEW, ONE = "clients.html", "client_new.html", "client.html"
RATES = ("per_second", "burst", "subscription_per_second", "subscription_burst")
OFFERED = ("catalog:read", "records:read", "records:publish")


@dataclass(frozen=True, slots=True)
class Clients:
    clients: Sequence[ClientView]
    next_cursor: str | None


@page(router, "/console/clients", LIST)
async def listed(visit: Visit) -> Clients:
    status = visit.query("status")
    async with visit.reading() as session:
        found = await api.find(
            session,
            visit.principal,
            visit.paging,
            (visit.query("q") or "")[:100] or None,
            visit.query("department"),
            "suspended" if status == "suspended" else "active" if status == "active" else None,
        )
    return Clients(found.items, found.next_cursor)


@dataclass(frozen=True, slots=True)
class NewClientPage:
    department: str
    any_department: bool
    departments: Sequence[Active]
    offered: Sequence[str] = OFFERED


@page(router, "/console/clients/new", NEW)
async def new(visit: Visit) -> NewClientPage:
    visit.principal.require_role(Role.HEAD, Role.SECURITY)
    own, upper = visit.principal.department, visit.principal.region_code
    if not visit.has(Role.SECURITY):
        return NewClientPage(own, any_department=False, departments=())
    async with visit.reading() as session:
        others = await departments(session, within=upper)
    return NewClientPage(own, any_department=True, departments=others)


@dataclass(frozen=True, slots=True)
class ClientPage:
    """One client; `secret` is there once, `may` says whether the person manages it.

    `approves` says whether they may name the contractor that runs it.
    """

    client: ClientView
    may: bool
    secret: str = ""
    approves: bool = False
    revision: str = ""
    offered: Sequence[str] = OFFERED
    limits: bool = False


@page(router, "/console/clients/{id}", ONE)
async def one(visit: Visit) -> ClientPage:
    return await _shown(visit, visit.part("id"))


async def _shown(visit: Visit, client_id: str, secret: str = "") -> ClientPage:
    response = Response()
    async with visit.reading() as session:
        client = await api.get(client_id, session, visit.principal, response)
        limits = visit.has(Role.OPERATOR)
        revision = response.headers.get("ETag", "").strip('W/"')
        try:
            await clients.controlled(session, visit.principal, client_id)
        except ShuyuanError:
            return ClientPage(client, may=False, limits=limits, revision=revision)
    approves = visit.has(Role.HEAD) and client.department == visit.principal.department
    return ClientPage(
        client, may=True, secret=secret, approves=approves, revision=revision, limits=limits
    )


async def register(visit: Visit) -> ClientPage | Go:
    """Register a client, and show its secret, which no later page does."""
    typed = {"name": visit.text("name"), "scopes": visit.texts("scopes")}
    department = visit.text("department") or visit.principal.department
    body = forms.body(ClientIn, {**forms.present(typed), "department": department})
    wanted = NewClient(
        body.name, body.department, frozenset(body.scopes), body.auth_method, body.jwks
    )
    async with visit.writing() as session:
        if before := await forms.sent_before(visit, session):
            return before
        made = await clients.register(session, visit.principal, wanted, now=visit.now)
        client_id = made.client.client_id
        await forms.remember(visit, session, f"/console/clients/{client_id}")
    return await _shown(visit, client_id, made.secret or "")


async def rotate(visit: Visit) -> ClientPage | Go:
    """Give the client a new secret; the old one may hold beside it for some hours."""
    typed = {
        "overlap_hours": forms.whole(visit.text("overlap_hours") or "0"),
        "revoke_tokens": "yes" in visit.texts("revoke_tokens"),
    }
    body = forms.body(RotateIn, typed)
    client_id = visit.part("id")
    async with visit.writing() as session:
        if before := await forms.sent_before(visit, session):
            return before
        made = await clients.rotate(
            session,
            visit.principal,
            client_id,
            Rotation(body.revoke_tokens, body.overlap_hours),
            now=visit.now,
        )
        await forms.remember(visit, session, f"/console/clients/{client_id}")
    return await _shown(visit, client_id, made.secret or "")


act(router, "/console/clients/{id}/rotate", one, ONE)(rotate)
act(router, "/console/clients/new", new, ONE, again=NEW)(register)

_step = steps(router, "/console/clients", one, ONE)


async def _suspend(visit: Visit, session: WriteSession, client_id: str) -> object:
    return await clients.suspend(session, visit.principal, client_id, reason=visit.text("reason"))


async def _resume(visit: Visit, session: WriteSession, client_id: str) -> object:
    return await clients.resume(session, visit.principal, client_id)


async def _contract(visit: Visit, session: WriteSession, client_id: str) -> object:
    """Name the contractor that runs the client, or say that the department runs it itself."""
    typed = {"name": visit.text("operator"), "uscc": visit.text("operator_uscc")}
    typed["contract_until"] = visit.text("contract_until")
    own = visit.text("go") == "own"
    said = None if own else forms.body(Contractor, forms.present(typed)).model_dump()
    known = forms.whole(visit.text("revision"))
    return await clients.change(
        session,
        visit.principal,
        client_id,
        known if isinstance(known, int) else None,
        {"operated_by": said},
        now=visit.now,
    )


async def _change(visit: Visit, session: WriteSession, client_id: str) -> object:
    """Change name and scopes."""
    typed = {**forms.present({"name": visit.text("name")}), "scopes": visit.texts("scopes")}
    values = forms.body(ClientChangeIn, typed).model_dump(include=set(typed))
    known = forms.whole(visit.text("revision"))
    revision = known if isinstance(known, int) else None
    return await clients.change(
        session, visit.principal, client_id, revision, values, now=visit.now
    )


async def _limit(visit: Visit, session: WriteSession, client_id: str) -> object:
    """Set how fast the client may ask; what is left empty is left to the settings."""
    typed = forms.present({name: _number(visit.text(name)) for name in RATES})
    said = forms.body(RateLimitModel, typed).model_dump() if typed else None
    known = forms.whole(visit.text("revision"))
    revision = known if isinstance(known, int) else None
    return await clients.change(
        session, visit.principal, client_id, revision, {"rate_limit": said}, now=visit.now
    )


def _number(text: str | None) -> object:
    """Return the number that was typed; anything else as it stands, to be refused."""
    whole = forms.whole(text)
    try:
        return float(text) if text and isinstance(whole, str) else whole
    except ValueError:
        return text


_step("limit", N_("限速已设置。"), _limit)
_step("change", N_("已修改。"), _change)
_step("contractor", N_("外包运维单位已登记。"), _contract)
_step(Action.SUSPEND, N_("已停用，其访问令牌全部失效。"), _suspend)
_step(Action.RESUME, N_("已恢复。"), _resume)
