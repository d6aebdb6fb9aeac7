"""运行 · 查找记录: where the last record of a key lies, for operators, who read no values (P8)."""

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter

from auth.principal import Role
from catalog import versions
from exchange.latest.errors import StateIncomplete
from exchange.publishing.own_records import RecordPlace
from gateway.console import forms
from gateway.console.pages import act, page
from gateway.console.visit import Visit
from kernel.errors import ShuyuanError

router = APIRouter()
ADDRESS: Final = "/console/status/records"
TEMPLATE: Final = "record_places.html"


@dataclass(frozen=True, slots=True)
class RecordPlaces:
    """`name` is empty without a resource; `looked` is whether a key was asked for."""

    resource_id: str
    name: str
    looked: bool
    place: RecordPlace | None
    refusal: ShuyuanError | None


@page(router, ADDRESS, TEMPLATE)
async def ask(visit: Visit) -> RecordPlaces:
    return await _shown(visit)


async def find(visit: Visit) -> RecordPlaces:
    """Show where it lies; the key comes in the body, for no address or log to hold."""
    resource_id, key = forms.required(visit, "resource"), forms.required(visit, "key")
    try:
        place = await visit.using.bus.own_records.place(visit.principal, resource_id, key)
    except StateIncomplete as error:
        return await _shown(visit, refusal=error)
    return await _shown(visit, looked=True, place=place)


act(router, ADDRESS, ask, TEMPLATE)(find)


async def _shown(
    visit: Visit,
    *,
    looked: bool = False,
    place: RecordPlace | None = None,
    refusal: ShuyuanError | None = None,
) -> RecordPlaces:
    visit.principal.require_role(Role.OPERATOR)
    resource_id = visit.text("resource") or visit.query("resource") or ""
    name = ""
    if resource_id and visit.error is None:
        async with visit.reading() as session:
            name = (await versions.shown(session, visit.principal, resource_id)).version.name
    return RecordPlaces(resource_id, name, looked, place, refusal)
