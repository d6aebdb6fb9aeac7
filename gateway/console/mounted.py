"""挂接服务: what subscriptions of mode `api` call of a department through the platform."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import APIRouter, Response

from auth.principal import Role
from exchange.services.operations import AuthKind
from gateway.api import service as api
from gateway.api.service import ServiceIn, ServiceView
from gateway.console import forms
from gateway.console.pages import act, page
from gateway.console.texts import N_
from gateway.console.uploads import own
from gateway.console.visit import Go, Visit
from kernel.errors import NotFound
from kernel.preconditions import Precondition

router = APIRouter()
TEMPLATE: Final = "mounted.html"
ADDRESS: Final = "/console/resources/{id}/service"
FIELDS: Final = ("name", "method", "path", "query", "response")
TIMEOUTS: Final = ("connect", "first_byte", "idle")
BLANK_ROWS: Final = 3
METHODS: Final = ("GET", "POST")
RESPONSES: Final = ("records", "opaque")


@dataclass(frozen=True, slots=True)
class Mounted:
    """`service` is None where none is mounted; `rows` are those that the form shows."""

    resource_id: str
    name: str
    service: ServiceView | None
    rows: Sequence[Mapping[str, str]]
    mounts: bool
    auth_kinds: Sequence[str]
    methods: Sequence[str] = METHODS
    responses: Sequence[str] = RESPONSES


@page(router, ADDRESS, TEMPLATE)
async def mounted(visit: Visit) -> Mounted:
    name, _contract = await own(visit)
    resource_id = visit.part("id")
    async with visit.reading() as session:
        try:
            found = await api.find(resource_id, visit.principal, session, Response())
        except NotFound:
            found = None
    mounts = visit.has(Role.HEAD)
    return Mounted(resource_id, name, found, _rows(visit, found), mounts, [*map(str, AuthKind)])


def _rows(visit: Visit, found: ServiceView | None) -> Sequence[Mapping[str, str]]:
    """Return the operations as they were typed, or those there are and empty rows after them."""
    if "operation_name" in visit.form:
        return _typed(visit)
    known = [
        {
            "name": each.name,
            "method": each.method,
            "path": each.path,
            "query": " ".join(each.query),
            "response": str(each.response),
        }
        for each in (found.operations if found else ())
    ]
    return [*known, *[dict.fromkeys(FIELDS, "")] * BLANK_ROWS]


def _typed(visit: Visit) -> list[dict[str, str]]:
    columns = [list(map(str, visit.form.getlist(f"operation_{name}"))) for name in FIELDS]
    return [dict(zip(FIELDS, row, strict=True)) for row in zip(*columns, strict=False)]


def _said(visit: Visit) -> dict[str, Any]:
    operations = [
        {**row, "query": row["query"].split()} for row in _typed(visit) if row["name"].strip()
    ]
    auth = {
        "kind": visit.text("auth_kind"),
        "name": visit.text("auth_name"),
        "secret": visit.text("auth_secret"),
    }
    timeouts = {name: _number(visit.text(name)) for name in TIMEOUTS}
    return {
        **forms.present({"base_url": visit.text("base_url")}),
        "operations": operations,
        "auth": forms.present(auth),
        "timeouts": forms.present(timeouts),
    }


def _number(text: str | None) -> object:
    """Return the number that was typed; anything else as it stands, to be refused."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


async def mount(visit: Visit) -> Go:
    resource_id, known = visit.part("id"), forms.whole(visit.text("revision"))
    body = forms.body(ServiceIn, _said(visit))
    read = isinstance(known, int)
    precondition = Precondition(read, frozenset({known}) if isinstance(known, int) else None)
    async with visit.writing() as session:
        await api.put(
            resource_id, body, precondition, visit.using, session, visit.principal, Response()
        )
    return Go(f"/console/resources/{resource_id}/service", N_("服务已挂接。"))


act(router, ADDRESS, mounted, TEMPLATE)(mount)
