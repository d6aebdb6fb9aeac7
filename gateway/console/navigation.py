"""Which areas of the console a person sees, by role; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from auth.principal import Principal, Role
from gateway.console.texts import N_

STAFF = frozenset({Role.CLERK, Role.HEAD, Role.AUTHORITY})
ASKERS = frozenset({Role.CLERK, Role.HEAD, Role.SECURITY, Role.AUDITOR})
EVERYBODY = frozenset(Role)


@dataclass(frozen=True, slots=True)
class Entry:
    path: str
    label: str
    current: bool = False


AREAS: Sequence[tuple[str, str, frozenset[Role]]] = (
    ("/console", N_("工作台"), EVERYBODY),
    ("/console/catalogue", N_("目录"), EVERYBODY),
    ("/console/sources", N_("数源"), EVERYBODY),
    ("/console/applications", N_("申请"), STAFF | {Role.AUDITOR}),
    ("/console/subscriptions", N_("授权"), STAFF | {Role.AUDITOR}),
    ("/console/disputes", N_("争议"), frozenset({Role.HEAD, Role.AUTHORITY, Role.AUDITOR})),
    ("/console/clients", N_("应用系统"), EVERYBODY),
    ("/console/refusals", N_("为何被拒"), ASKERS),
    ("/console/people", N_("人员"), frozenset({Role.SECURITY})),
    ("/console/audit", N_("审计"), frozenset({Role.AUDITOR})),
    ("/console/status", N_("运行"), frozenset({Role.OPERATOR})),
)


def of(principal: Principal, path: str) -> Sequence[Entry]:
    """Return the areas, the one that `path` lies in marked."""
    seen = [each for each in AREAS if not each[2].isdisjoint(principal.roles)]
    below = (area for area, _, _ in seen if path == area or path.startswith(f"{area}/"))
    inside = max(below, key=len, default="")
    return [Entry(area, label, area == inside) for area, label, _ in seen]
