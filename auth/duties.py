"""What a role may do to departments, people and clients, and in which departments; pure.

The one decision of every operation of this package. A role is judged alone: what several roles of
one person allow is what one of them allows, never what they would allow together. That keeps the
separation of GB/T 39477-2020 for every pair of roles.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from auth.errors import FourEyes, NotYourDepartment, RoleRequired
from auth.principal import Principal, Role
from auth.regions.codes import REGION, STATE
from auth.regions.tree import covers, current, prefixes
from kernel.errors import NotFound

NOBODY: frozenset[Role] = frozenset()


class Operation(StrEnum):
    SEE_CLIENT = "see_client"
    MANAGE_CLIENT = "manage_client"
    LIMIT_CLIENT = "limit_client"
    MANAGE_PERSON = "manage_person"
    MANAGE_DEPARTMENT = "manage_department"
    CONSENT = "consent"
    SEE_NETWORKS = "see_networks"
    MANAGE_NETWORKS = "manage_networks"


class Place(Protocol):
    """A department as far as duties go by it."""

    @property
    def uscc(self) -> str: ...
    @property
    def region_code(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Duty:
    """Roles that act for their own department, and roles that act in their division and below.

    `members` also lets everybody of the department, its clients too.
    """

    own: frozenset[Role] = NOBODY
    division: frozenset[Role] = NOBODY
    members: bool = False

    @property
    def roles(self) -> frozenset[Role]:
        return self.own | self.division


DUTIES: Mapping[Operation, Duty] = {
    Operation.SEE_CLIENT: Duty(
        division=frozenset({Role.SECURITY, Role.OPERATOR}),
        members=True,
    ),
    Operation.MANAGE_CLIENT: Duty(
        own=frozenset({Role.HEAD}),
        division=frozenset({Role.SECURITY}),
    ),
    Operation.LIMIT_CLIENT: Duty(division=frozenset({Role.OPERATOR})),
    Operation.MANAGE_PERSON: Duty(division=frozenset({Role.SECURITY})),
    Operation.MANAGE_DEPARTMENT: Duty(division=frozenset({Role.OPERATOR})),
    Operation.CONSENT: Duty(own=frozenset({Role.HEAD})),
    Operation.SEE_NETWORKS: Duty(
        division=frozenset({Role.SECURITY, Role.OPERATOR}),
        members=True,
    ),
    Operation.MANAGE_NETWORKS: Duty(division=frozenset({Role.SECURITY})),
}


def may(principal: Principal, operation: Operation, place: Place) -> bool:
    """Whether one role of the caller allows the operation in this department."""
    duty = DUTIES[operation]
    own = principal.department == place.uscc
    if own and (duty.members or not principal.roles.isdisjoint(duty.own)):
        return True
    return administers(principal.region_code, place.region_code) and not (
        principal.roles.isdisjoint(duty.division)
    )


def require(principal: Principal, operation: Operation, place: Place) -> None:
    """Raise RoleRequired or NotYourDepartment unless the caller may."""
    require_role(principal, operation)
    if not may(principal, operation, place):
        raise NotYourDepartment


def require_role(principal: Principal, operation: Operation) -> None:
    """Raise RoleRequired unless a role of the caller has the duty in some department."""
    roles = DUTIES[operation].roles
    if principal.roles.isdisjoint(roles):
        raise RoleRequired(roles)


def require_known(principal: Principal, operation: Operation, place: Place) -> None:
    """Raise NotFound where the caller may not know of what is in the department."""
    if not may(principal, operation, place):
        raise NotFound


def require_other_eyes(principal: Principal, drafters: Collection[str]) -> None:
    """Raise FourEyes where the caller is one of those who drafted what is to be signed."""
    if principal.id in drafters:
        raise FourEyes


def administers(upper: str, lower: str) -> bool:
    """Whether administrators of the division `upper` act in `lower`.

    The state's departments are registered by the administrators of the autonomous region; its own
    administrators act among them alone, not in the regions below.
    """
    above, below = current(upper), current(lower)
    if STATE in (above, below):
        return below == STATE and above in (STATE, REGION)
    return covers(above, below)


def divisions(region_code: str) -> tuple[str, ...]:
    """Return the beginnings of the division codes that `region_code` administers."""
    if current(region_code) == STATE:
        return (STATE,)
    below = prefixes(region_code)
    return (*below, STATE) if current(region_code) == REGION else below
