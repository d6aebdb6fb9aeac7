"""Which areas of the console a person sees, by role; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from auth.delegations.states import Power
from auth.principal import Principal, Role
from gateway.console.acting import Acting
from gateway.console.texts import N_

STAFF = frozenset({Role.CLERK, Role.HEAD, Role.AUTHORITY})
ASKERS = frozenset({Role.CLERK, Role.HEAD, Role.SECURITY, Role.AUDITOR})
EVERYBODY = frozenset(Role)


@dataclass(frozen=True, slots=True)
class Entry:
    path: str
    label: str
    current: bool = False


# Pages that lie in an area and not below its address.
INSIDE = {
    "/console/workbooks": "/console/catalogue",
    "/console/jobs": "/console/catalogue",
    "/console/resources": "/console/catalogue",
    "/console/bundles": "/console/applications",
    "/console/claims": "/console/sources",
    "/console/elements": "/console/sources",
    "/console/standards": "/console/sources",
    "/console/code-lists": "/console/sources",
    "/console/code-list": "/console/sources",
    "/console/regions": "/console/sources",
    "/console/notices": "/console/events",
    "/console/delegations": "/console/events",
    "/console/calendar": "/console/events",
    "/console/indicators": "/console/orders",
    "/console/violations": "/console/orders",
    "/console/league": "/console/orders",
    "/console/flows": "/console/orders",
}
AREAS: Sequence[tuple[str, str, frozenset[Role]]] = (
    ("/console", N_("工作台"), EVERYBODY),
    ("/console/catalogue", N_("目录"), EVERYBODY),
    ("/console/sources", N_("数源"), EVERYBODY),
    ("/console/applications", N_("申请"), STAFF | {Role.AUDITOR}),
    ("/console/subscriptions", N_("授权"), STAFF | {Role.AUDITOR}),
    ("/console/corrections", N_("校核"), STAFF | {Role.AUDITOR}),
    ("/console/disputes", N_("争议"), frozenset({Role.HEAD, Role.AUTHORITY, Role.AUDITOR})),
    ("/console/orders", N_("监督"), frozenset({Role.HEAD, Role.AUTHORITY, Role.AUDITOR})),
    ("/console/clients", N_("应用系统"), EVERYBODY),
    ("/console/refusals", N_("为何被拒"), ASKERS),
    ("/console/demands", N_("需求"), STAFF | {Role.AUDITOR}),
    ("/console/departments", N_("部门"), EVERYBODY),
    ("/console/events", N_("动态"), STAFF),
    ("/console/people", N_("人员"), frozenset({Role.SECURITY})),
    ("/console/alarms", N_("告警"), frozenset({Role.SECURITY, Role.AUDITOR})),
    ("/console/audit", N_("审计"), frozenset({Role.AUDITOR})),
    ("/console/status", N_("运行"), frozenset({Role.OPERATOR})),
)


# What of it is somebody's who acts for another department, by what they may do there.
ACTED_IN: Mapping[str, frozenset[Power]] = {
    "/console": frozenset(Power),
    "/console/catalogue": frozenset({Power.CATALOGUE, Power.PUBLISH, Power.APPLY}),
    "/console/sources": frozenset({Power.CATALOGUE}),
    "/console/applications": frozenset({Power.APPLY}),
    "/console/subscriptions": frozenset({Power.APPLY, Power.CORRECT}),
    "/console/corrections": frozenset({Power.CORRECT}),
    "/console/demands": frozenset({Power.APPLY}),
}


def of(principal: Principal, path: str, acting: Acting | None = None) -> Sequence[Entry]:
    """Return the areas, the one that `path` lies in marked."""
    seen = [each for each in AREAS if not each[2].isdisjoint(principal.roles)]
    if acting is not None:
        seen = [each for each in seen if ACTED_IN.get(each[0], frozenset()) & acting.powers]
    path = next((INSIDE[each] for each in INSIDE if _lies_in(path, each)), path)
    below = (area for area, _, _ in seen if _lies_in(path, area))
    inside = max(below, key=len, default="")
    return [Entry(area, label, area == inside) for area, label, _ in seen]


def _lies_in(path: str, area: str) -> bool:
    return path == area or path.startswith(f"{area}/")
