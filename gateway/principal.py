"""The caller of a FastAPI route, with the scope that the route wants."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from auth.errors import TokenMissing
from auth.principal import Principal, Scope
from gateway.delegated import ACTING
from gateway.refused import PRINCIPAL
from gateway.services import Using

bearer = HTTPBearer(auto_error=False, scheme_name="bearer", bearerFormat="JWT")
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


def with_scope(scope: Scope) -> Callable[[Principal], Awaitable[Principal]]:
    async def scoped(principal: Annotated[Principal, Depends(caller)]) -> Principal:
        principal.require_scope(scope)
        return principal

    # The guard asks for it before a body is read (gateway/guard.py).
    scoped.wanted_scope = scope  # type: ignore[attr-defined]
    return scoped


Caller = Annotated[Principal, Depends(caller)]
CatalogReader = Annotated[Principal, Depends(with_scope(Scope.CATALOG_READ))]
CatalogWriter = Annotated[Principal, Depends(with_scope(Scope.CATALOG_WRITE))]
ApplicationsWriter = Annotated[Principal, Depends(with_scope(Scope.APPLICATIONS_WRITE))]
Admin = Annotated[Principal, Depends(with_scope(Scope.ADMIN))]
AuditReader = Annotated[Principal, Depends(with_scope(Scope.AUDIT_READ))]
RecordsReader = Annotated[Principal, Depends(with_scope(Scope.RECORDS_READ))]
RecordsPublisher = Annotated[Principal, Depends(with_scope(Scope.RECORDS_PUBLISH))]
