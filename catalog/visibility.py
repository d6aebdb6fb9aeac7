"""Who sees which version of a resource; pure.

Drafts are known to the entry's own department, and to those of the authority over its region who
hold that role or audit. Everybody else sees the version that is, or last was, published, and
nothing where there is none.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from auth.errors import NotYourDepartment
from auth.principal import Principal, Role
from auth.regions.tree import covers
from catalog.states import ALLOWED_ROLES, NEXT, Action, State, allowed

if TYPE_CHECKING:
    from catalog.tables import Resource, ResourceVersion


@dataclass(frozen=True, slots=True)
class Shown:
    """A resource as one caller sees it; `status` is the state of the version shown.

    `allowed` may be done by the caller, `possible` by whoever has the role: nothing is told of a
    draft to those who may not know of it.
    """

    resource: "Resource"
    version: "ResourceVersion"
    status: State
    allowed: tuple[Action, ...]
    possible: tuple[Action, ...] = ()
    is_insider: bool = False


def is_insider(principal: Principal, resource: "Resource") -> bool:
    own = principal.department == resource.department
    return own or reviews(principal, resource.region_code)


def reviews(principal: Principal, region_code: str) -> bool:
    """Whether the caller reviews entries of the division, or audits who does."""
    duty = not principal.roles.isdisjoint((Role.AUTHORITY, Role.AUDITOR))
    return principal.is_authority and duty and covers(principal.region_code, region_code)


def shown_number(principal: Principal, resource: "Resource") -> int | None:
    """Return the version that the caller sees; None when it may not know of the resource."""
    return resource.version if is_insider(principal, resource) else resource.published_version


def standing(resource: "Resource", action: Action) -> State:
    """Return the state that `action` starts from: `retire` ends what serves, even in revision."""
    if action is Action.RETIRE and serves(resource):
        return State.PUBLISHED
    return State(resource.status)


def serves(resource: "Resource") -> bool:
    return resource.published_version is not None and resource.status != State.RETIRED


def actions(resource: "Resource") -> tuple[Action, ...]:
    """Return what the state allows; there is nothing to announce before the first publication."""
    found: list[Action] = allowed(NEXT, State(resource.status))
    if Action.ANNOUNCE in found and not serves(resource):
        found.remove(Action.ANNOUNCE)
    if serves(resource) and Action.RETIRE not in found:
        found.append(Action.RETIRE)
    return tuple(found)


def present(principal: Principal, resource: "Resource", version: "ResourceVersion") -> Shown:
    options = tuple(
        a for a in actions(resource) if a is not Action.ANNOUNCE or not announced(version)
    )
    mine = tuple(action for action in options if may(principal, action, resource))
    inside = is_insider(principal, resource)
    possible = options if inside else ()
    return Shown(resource, version, State(version.state), mine, possible, inside)


def announced(version: "ResourceVersion") -> bool:
    """Whether everybody may know of the version, because it was announced and is still to come."""
    return version.state == State.APPROVED and version.announced_at is not None


def may(principal: Principal, action: Action, resource: "Resource") -> bool:
    """Whether role, department and region allow the action, whatever the state."""
    return any(acts_as(principal, role, resource) for role in ALLOWED_ROLES[action])


def require(principal: Principal, action: Action, resource: "Resource") -> None:
    """Raise RoleRequired or NotYourDepartment unless the caller may take the action."""
    principal.require_role(*ALLOWED_ROLES[action])
    if not may(principal, action, resource):
        raise NotYourDepartment


def acts_as(principal: Principal, role: Role, resource: "Resource") -> bool:
    """Whether the caller holds the role for this resource."""
    if role not in principal.roles:
        return False
    if role is Role.AUTHORITY:
        over = covers(principal.region_code, resource.region_code)
        return principal.is_authority and over
    return principal.department == resource.department
