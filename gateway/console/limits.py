"""运行 · 限额: every limit in force, and what happens to whoever passes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter

from auth.principal import Role, Scope
from gateway.console.pages import page
from gateway.console.visit import Visit
from gateway.limits.in_force import in_force
from gateway.limits.model import Group, Limit, Unit

router = APIRouter()
ADDRESS: Final = "/console/status/limits"
KIB: Final = 1024
FOR_EVER: Final = "for_ever"


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    value: str
    unit: str
    setting: str
    usual: bool
    beyond: str
    of_clients: bool


@dataclass(frozen=True, slots=True)
class LimitPage:
    """`groups` are tables by their kind; `changed` counts what is not as it is by default."""

    groups: Sequence[tuple[str, Sequence[Row]]]
    changed: int


@page(router, ADDRESS, "limits.html")
async def listed(visit: Visit) -> LimitPage:
    visit.principal.require_scope(Scope.ADMIN)
    visit.principal.require_role(Role.OPERATOR)
    found = in_force(visit.using.settings)
    rows = [(each.group, _row(each, english=visit.english)) for each in found]
    groups = [(group, [row for of, row in rows if of == group]) for group in Group]
    return LimitPage(groups, sum(not each.usual for each in found))


def _row(limit: Limit, *, english: bool) -> Row:
    value, unit = shown(limit)
    return Row(
        name=limit.name.en if english else limit.name.zh,
        value=value,
        unit=unit,
        setting=limit.setting,
        usual=limit.usual,
        beyond=limit.beyond.en if english else limit.beyond.zh,
        of_clients=limit.of_clients,
    )


def shown(limit: Limit) -> tuple[str, str]:
    """Return the value as people read it, and the unit; bytes by powers of 1,024."""
    if limit.value < 0:
        return "", FOR_EVER
    if limit.unit is Unit.PERCENT:
        return f"{limit.value:,.0f} %", ""
    if limit.unit is not Unit.BYTES:
        told = f"{limit.value:,.0f}" if float(limit.value).is_integer() else f"{limit.value:,}"
        return told, "" if limit.unit is Unit.NUMBER else limit.unit
    value, units = limit.value, ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= KIB and value % KIB == 0 and len(units) > 1:
        value /= KIB
        units.pop(0)
    return f"{value:,.0f} {units[0]}", ""
