"""Clients: application systems of a department, each with its own credential."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from auth import departments, jwks, opaque
from auth.events import AuthEvent
from auth.principal import Principal, Role, Scope
from auth.states import ALLOWED_ROLES, Action, State, after
from auth.store import clients as store
from auth.store import departments as department_store
from auth.tables import Client
from kernel import audit, changes
from kernel.database import ReadSession, WriteSession
from kernel.errors import Conflict, FieldErrors, NotFound
from kernel.ids import new_id
from kernel.paging import Page, PageRequest

SUBJECT = "client"
Method = Literal["client_secret_basic", "private_key_jwt"]
EVENTS: Mapping[Action, AuthEvent] = {
    Action.ROTATE: AuthEvent.CLIENT_ROTATED,
    Action.SUSPEND: AuthEvent.CLIENT_SUSPENDED,
    Action.RESUME: AuthEvent.CLIENT_RESUMED,
}


@dataclass(frozen=True, slots=True)
class NewClient:
    name: str
    department: str
    scopes: frozenset[Scope]
    auth_method: Method
    jwks: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Credentialed:
    """A client with the secret that is shown once; None for one that signs with its own key."""

    client: Client
    secret: str | None


async def register(
    session: WriteSession, principal: Principal, new: NewClient, *, now: datetime
) -> Credentialed:
    """Register a client of the head's department, or of any for security; raises Invalid."""
    principal.require_role(Role.HEAD, Role.SECURITY)
    if Role.SECURITY not in principal.roles:
        principal.require_department(new.department)
    await _check(session, new)
    secret = opaque.new() if new.auth_method == "client_secret_basic" else None
    client = Client(
        client_id=new_id(),
        name=new.name,
        department=new.department,
        scopes=sorted(new.scopes),
        auth_method=new.auth_method,
        secret_digest=opaque.digest(secret) if secret else None,
        jwks=dict(new.jwks) if new.jwks else None,
        created_at=now,
    )
    await store.add(session, client)
    details = {"name": new.name, "department": new.department, "scopes": client.scopes}
    event = AuthEvent.CLIENT_REGISTERED
    audit.record(session, principal.actor, event, SUBJECT, client.client_id, **details)
    return Credentialed(client, secret)


async def _check(session: ReadSession, new: NewClient) -> None:
    errors = FieldErrors()
    department = await department_store.get(session, new.department)
    departments.require_active(department, errors)
    _check_jwks(new.auth_method, new.jwks, errors)
    errors.raise_if_any()


def _check_jwks(method: str, keys: Mapping[str, Any] | None, errors: FieldErrors) -> None:
    if method == "private_key_jwt":
        if keys is None:
            errors.add("jwks", "missing", "private_key_jwt 须提供 jwks", "is needed for the method")
        else:
            jwks.check(keys, errors)
    elif keys is not None:
        errors.add("jwks", "unknown_item", "该认证方式不使用 jwks", "is not used by the method")


async def change(
    session: WriteSession,
    principal: Principal,
    client_id: str,
    revision: int | None,
    values: Mapping[str, Any],
) -> Client:
    """Change name, scopes or jwks, as an operator the rate limit; raises Invalid, NotFound, Stale.

    Every worker knows of it within a second.
    """
    client = await get(session, principal, client_id)
    if "rate_limit" in values:
        principal.require_role(Role.OPERATOR)
    if values.keys() - {"rate_limit"}:
        principal.require_role(Role.HEAD, Role.SECURITY)
    if "jwks" in values:
        errors = FieldErrors()
        _check_jwks(client.auth_method, values["jwks"], errors)
        errors.raise_if_any()
    changed = await store.change(session, client_id, revision, dict(values))
    event = AuthEvent.CLIENT_CHANGED
    audit.record(session, principal.actor, event, SUBJECT, client_id, **values)
    await changes.announce(session, SUBJECT, client_id)
    return changed


async def rotate(
    session: WriteSession, principal: Principal, client_id: str, *, revoke_tokens: bool
) -> Credentialed:
    """Give the client a new secret; the old one ends at once, its tokens when asked.

    Raises NotFound, IllegalTransition, and Conflict for a client without a secret.
    """
    client = await _controlled(session, principal, client_id)
    if client.auth_method != "client_secret_basic":
        raise Conflict(
            "该应用系统使用自己的密钥，请修改 jwks",
            "The client signs with its own key: change jwks",
        )
    secret = opaque.new()
    values: dict[str, Any] = {"secret_digest": opaque.digest(secret)}
    if revoke_tokens:
        values["generation"] = Client.generation + 1
    details = {"revoke_tokens": revoke_tokens}
    moved = await _move(session, principal, client, Action.ROTATE, values, details)
    return Credentialed(moved, secret)


async def suspend(
    session: WriteSession, principal: Principal, client_id: str, *, reason: str | None
) -> Client:
    """Suspend the client: its tokens end for ever, within a second everywhere (P3)."""
    client = await _controlled(session, principal, client_id)
    values = {"generation": Client.generation + 1}
    return await _move(session, principal, client, Action.SUSPEND, values, {"reason": reason})


async def resume(session: WriteSession, principal: Principal, client_id: str) -> Client:
    client = await _controlled(session, principal, client_id)
    return await _move(session, principal, client, Action.RESUME, {}, {})


async def _move(
    session: WriteSession,
    principal: Principal,
    client: Client,
    action: Action,
    values: dict[str, Any],
    details: Mapping[str, Any],
) -> Client:
    principal.require_role(*ALLOWED_ROLES[action])
    origin = State(client.status)
    target = after(origin, action)
    moved = await store.move(session, client.client_id, origin, target, values)
    if moved is None:
        await session.refresh(client)
        after(State(client.status), action)
        raise Conflict
    audit.record(session, principal.actor, EVENTS[action], SUBJECT, client.client_id, **details)
    await changes.announce(session, SUBJECT, client.client_id)
    return moved


async def _controlled(session: ReadSession, principal: Principal, client_id: str) -> Client:
    """Return a client that the caller may manage; another department's is not to be known of."""
    client = await get(session, principal, client_id)
    principal.require_role(Role.HEAD, Role.SECURITY)
    return client


async def get(session: ReadSession, principal: Principal, client_id: str) -> Client:
    """Return a client of the caller's department, any to security and operator; NotFound."""
    client = await store.get(session, client_id)
    if client is None or not _sees(principal, client.department):
        raise NotFound
    return client


async def load(session: ReadSession, client_id: str) -> Client | None:
    """Return the client whoever asks: for decisions of the packages above."""
    return await store.get(session, client_id)


async def find(
    session: ReadSession,
    principal: Principal,
    page: PageRequest,
    *,
    text: str | None = None,
    department: str | None = None,
    status: str | None = None,
) -> Page[Client]:
    """List the clients that the caller may know of."""
    if not _sees(principal, department):
        if department is not None:
            return Page([], None)
        department = principal.department
    return await store.find(session, page, text=text, department=department, status=status)


def _sees(principal: Principal, department: str | None) -> bool:
    sees_all = not principal.roles.isdisjoint((Role.SECURITY, Role.OPERATOR))
    return sees_all or principal.department == department
