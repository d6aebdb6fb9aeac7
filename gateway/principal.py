"""The caller of a FastAPI route, with the scope that the route wants."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from auth.errors import TokenMissing
from auth.principal import Principal, Role, Scope
from gateway.delegated import ACTING
from gateway.refused import PRINCIPAL
from gateway.services import Using

bearer = HTTPBearer(auto_error=False, scheme_name="bearer", bearerFormat="JWT")
Ask = TypeVar("Ask", bound=Callable[..., Any])
Credentials = Annotated[HTTPAuthorizationCredentials | None, Security(bearer)]


async def caller(request: Request, using: Using, credentials: Credentials) -> Principal:
    """Return who is calling; raises 401 errors."""
    if credentials is None:
        raise TokenMissing
    principal = await using.tokens.verify(credentials.credentials.encode())
    request.scope[PRINCIPAL] = principal
    # The guard has asked whether it may act for another department.
    acting: Principal | None = request.scope.get(ACTING)
    return acting or principal


def asked_first(scope: Scope, roles: Sequence[Role] = ()) -> Callable[[Ask], Ask]:
    """Let the guard ask for what a dependency wants before a body is read (gateway/guard.py)."""

    def mark(ask: Ask) -> Ask:
        ask.wanted_scope, ask.wanted_roles = scope, tuple(roles)  # type: ignore[attr-defined]
        return ask

    return mark


def require(principal: Principal, scope: Scope, roles: Sequence[Role]) -> None:
    """Raise without the scope or any of the roles; an authority is that of its own region."""
    principal.require_scope(scope)
    if roles:
        principal.require_role(*roles)
    if tuple(roles) == (Role.AUTHORITY,):
        principal.require_authority(principal.region_code)


def with_scope(scope: Scope, *roles: Role) -> Callable[[Principal], Awaitable[Principal]]:
    """Return the dependency of a route that wants the scope, and one of the roles if any."""

    @asked_first(scope, roles)
    async def scoped(principal: Annotated[Principal, Depends(caller)]) -> Principal:
        require(principal, scope, roles)
        return principal

    return scoped


Caller = Annotated[Principal, Depends(caller)]
CatalogReader = Annotated[Principal, Depends(with_scope(Scope.CATALOG_READ))]
CatalogWriter = Annotated[Principal, Depends(with_scope(Scope.CATALOG_WRITE))]
Clerk = Annotated[Principal, Depends(with_scope(Scope.CATALOG_WRITE, Role.CLERK))]
Authority = Annotated[Principal, Depends(with_scope(Scope.CATALOG_WRITE, Role.AUTHORITY))]
ApplicationsWriter = Annotated[Principal, Depends(with_scope(Scope.APPLICATIONS_WRITE))]
Admin = Annotated[Principal, Depends(with_scope(Scope.ADMIN))]
AuditReader = Annotated[Principal, Depends(with_scope(Scope.AUDIT_READ))]
Auditor = Annotated[Principal, Depends(with_scope(Scope.AUDIT_READ, Role.AUDITOR))]
RecordsReader = Annotated[Principal, Depends(with_scope(Scope.RECORDS_READ))]
RecordsPublisher = Annotated[Principal, Depends(with_scope(Scope.RECORDS_PUBLISH))]
