"""Who is calling: a person or a client, with what its token and its department allow; pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from auth.errors import InsufficientScope, NotDelegated, NotYourDepartment, RoleRequired
from auth.regions.tree import covers
from kernel.actor import Actor


class Role(StrEnum):
    """Staff roles (docs/glossary.md; GB/T 39477-2020 separates the last three)."""

    CLERK = "clerk"
    HEAD = "head"
    AUTHORITY = "authority"
    AUDITOR = "auditor"
    SECURITY = "security"
    OPERATOR = "operator"


class Scope(StrEnum):
    CATALOG_READ = "catalog:read"
    CATALOG_WRITE = "catalog:write"
    APPLICATIONS_WRITE = "applications:write"
    RECORDS_PUBLISH = "records:publish"
    RECORDS_READ = "records:read"
    AUDIT_READ = "audit:read"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """What an operator allows one client (P9); None leaves a value to the settings.

    The first two are of all its hot requests together, the others of the pulls of each of its
    subscriptions. A burst is how many requests may come at once after a pause.
    """

    per_second: float | None = None
    burst: int | None = None
    subscription_per_second: float | None = None
    subscription_burst: int | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of one request. `region_code` and `is_authority` are its department's."""

    kind: Literal["person", "client"]
    id: str
    department: str
    region_code: str
    is_authority: bool
    roles: frozenset[Role]
    scopes: frozenset[str]
    token_id: str
    expires_at: float
    rate_limit: RateLimit | None = None
    # The caller's own department, where it acts for `department` by a delegation (Art 36).
    delegate: str | None = None
    # What was delegated to it there (auth/delegations/states.py), nothing in its own department.
    powers: frozenset[str] = frozenset()

    @property
    def actor(self) -> Actor:
        return Actor(self.kind, self.id, self.department, self.delegate)

    def require_scope(self, scope: Scope) -> None:
        """Raise InsufficientScope unless the token carries the scope."""
        if scope not in self.scopes:
            raise InsufficientScope(scope)

    def require_role(self, *roles: Role) -> None:
        """Raise RoleRequired unless the person holds one of the roles."""
        if self.roles.isdisjoint(roles):
            raise RoleRequired(roles)

    def has_power(self, power: str) -> bool:
        """Whether who acts by a delegation has the power; of their own department they have all."""
        return self.delegate is None or power in self.powers

    def require_power(self, power: str) -> None:
        """Raise NotDelegated for who acts by a delegation that does not have the power."""
        if not self.has_power(power):
            raise NotDelegated

    def require_department(self, uscc: str) -> None:
        """Raise NotYourDepartment unless the caller belongs to the department."""
        if self.department != uscc:
            raise NotYourDepartment

    def require_authority(self, region_code: str) -> None:
        """Raise unless an `authority` person of a department with authority over the region."""
        self.require_role(Role.AUTHORITY)
        if not (self.is_authority and covers(self.region_code, region_code)):
            raise NotYourDepartment
