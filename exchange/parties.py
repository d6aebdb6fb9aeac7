"""Whose side a caller stands on in a sharing relation, and what that side may do; pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from auth import positions
from auth.duties import administers
from auth.errors import NotYourDepartment
from auth.principal import Principal, Role
from auth.regions.tree import covers
from kernel.errors import NotFound

Permitted = Mapping["Side", frozenset[Role]]


class Side(StrEnum):
    """Consumer and provider are positions in one relation, not kinds of department (Art 2)."""

    CONSUMER = "consumer"
    PROVIDER = "provider"
    AUTHORITY = "authority"


class Relation(Protocol):
    """An application or a subscription; `region_code` is the provider's division.

    What its own head has not signed is nobody's but the consumer's.
    """

    @property
    def consumer_department(self) -> str: ...
    @property
    def provider_department(self) -> str: ...
    @property
    def region_code(self) -> str: ...
    @property
    def is_unsigned(self) -> bool: ...


def sides(principal: Principal, relation: Relation) -> frozenset[Side]:
    """Return where the caller stands; a department may be its own provider."""
    sides_held = set()
    if principal.department == relation.consumer_department:
        sides_held.add(Side.CONSUMER)
    if relation.is_unsigned:
        return frozenset(sides_held)
    if principal.department == relation.provider_department:
        sides_held.add(Side.PROVIDER)
    if oversees(principal) and covers(principal.region_code, relation.region_code):
        sides_held.add(Side.AUTHORITY)
    return frozenset(sides_held)


def oversees(principal: Principal) -> bool:
    return principal.is_authority and Role.AUTHORITY in principal.roles


def stands_over(upper: str, region_code: str) -> bool:
    """Whether an authority of the division `upper` stands over departments of another.

    That of the autonomous region does so over departments of the state, too.
    """
    return covers(upper, region_code) or administers(upper, region_code)


def require_visible(principal: Principal, relation: Relation) -> None:
    """Raise NotFound for outsiders; an auditor reads what was signed in the own division."""
    if not sides(principal, relation) and (relation.is_unsigned or not audits(principal, relation)):
        raise NotFound


def audits(principal: Principal, relation: Relation) -> bool:
    inside = administers(principal.region_code, relation.region_code)
    return Role.AUDITOR in principal.roles and inside


def authorize(principal: Principal, relation: Relation, permitted: Permitted) -> Side:
    """Return the side on which the caller acts.

    Raises NotFound for outsiders, RoleRequired or NotYourDepartment for the parties.
    """
    require_visible(principal, relation)
    principal.require_role(*positions.roles_of(permitted))
    for side in sorted(sides(principal, relation)):
        if principal.roles & permitted.get(side, frozenset()):
            return side
    raise NotYourDepartment


def may(principal: Principal, relation: Relation, permitted: Permitted) -> bool:
    return positions.may(principal, sides(principal, relation), permitted)
