"""`/v1/me`: who is calling (`api.md` section 2)."""

from typing import Literal

from fastapi import APIRouter, Request, Response

from auth import directory, people
from auth.principal import Role
from gateway.api.people import Password
from gateway.oauth.desk import gate
from gateway.principal import Admin, Caller
from gateway.services import Reading, Using
from gateway.source import source_of
from kernel import clock
from kernel.wire import Wire

router = APIRouter(prefix="/v1/me", tags=["me"])


class MeView(Wire):
    kind: Literal["client", "person"]
    id: str
    name: str | None
    department: str
    department_name: str | None
    roles: list[Role]
    scopes: list[str]


class PasswordIn(Wire):
    old_password: Password
    new_password: Password


@router.get("")
async def me(principal: Caller, session: Reading) -> MeView:
    """当前凭证是谁的，有何角色与权限 / whose token this is, with roles and scopes."""
    departments = await directory.departments(session, [principal.department])
    return MeView(
        kind=principal.kind,
        id=principal.id,
        name=await directory.name_of(session, principal),
        department=principal.department,
        department_name=departments.get(principal.department),
        roles=sorted(principal.roles),
        scopes=sorted(principal.scopes),
    )


@router.post("/password", status_code=204, response_class=Response)
async def change_password(
    body: PasswordIn, request: Request, using: Using, principal: Admin
) -> None:
    """Every other session of the caller ends; wrong old passwords count as failed sign-ins."""
    now, source = clock.now(), source_of(request, using.settings.trusted_proxies)
    checked = await gate(using).confirm(principal, body.old_password, source, now=now)
    hashed = await people.own_new_password(
        using.database, principal, body.old_password, body.new_password
    )
    async with using.database.transaction() as session:
        await people.change_own_password(
            session, principal, checked.password_hash, hashed, now=clock.now()
        )
