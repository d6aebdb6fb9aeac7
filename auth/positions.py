"""What a role permits on the sides of a relation that the caller's department has; pure.

A dispute, an order, a delegation names its own positions (claimant, respondent, authority). Who may
act is said by one table for each act: the roles that each position gives the act to.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import TypeVar

from auth.errors import NotYourDepartment
from auth.principal import Principal, Role

Position = TypeVar("Position", bound=StrEnum)


def roles_of(permitted: Mapping[Position, frozenset[Role]]) -> tuple[Role, ...]:
    """Return the roles that may act in some position, in order."""
    return tuple(sorted(frozenset[Role]().union(*permitted.values())))


def may(
    principal: Principal,
    held: Collection[Position],
    permitted: Mapping[Position, frozenset[Role]],
) -> bool:
    """Whether a role of the caller's may act in a position that it holds."""
    return any(principal.roles & permitted.get(position, frozenset()) for position in held)


def require(
    principal: Principal,
    held: Collection[Position],
    permitted: Mapping[Position, frozenset[Role]],
) -> None:
    """Raise RoleRequired, or NotYourDepartment where the role acts in another position alone."""
    principal.require_role(*roles_of(permitted))
    if not may(principal, held, permitted):
        raise NotYourDepartment
