"""Whose figures the caller sees: an authority its division's, a head its own department's."""

from typing import TypedDict

from auth.principal import Principal, Role
from exchange.parties import oversees


class Whose(TypedDict):
    """One of the two is None."""

    department: str | None
    region_code: str | None


def of(principal: Principal) -> Whose:
    """Raise RoleRequired for who is neither."""
    principal.require_role(Role.AUTHORITY, Role.HEAD)
    if oversees(principal):
        return {"department": None, "region_code": principal.region_code}
    principal.require_role(Role.HEAD)
    return {"department": principal.department, "region_code": None}
