"""Clients: application systems of a department, each with its own credential."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from auth import contractors, departments, duties, jwks, opaque, restoration
from auth.duties import Operation
from auth.events import AuthEvent
from auth.principal import Principal, Scope
from auth.states import Action, State, after
from auth.store import clients as store
from auth.store import departments as department_store
from auth.store.departments import Known
from auth.tables import Client, Department
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
    operated_by: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Credentialed:
    """A client with the secret that is shown once; None for one that signs with its own key."""

    client: Client
    secret: str | None


async def register(
    session: WriteSession, principal: Principal, new: NewClient, *, now: datetime
) -> Credentialed:
    """Register a client of the head's department, or of the division for security.

    Raises Invalid, RoleRequired, NotYourDepartment.
    """
    duties.require_role(principal, Operation.MANAGE_CLIENT)
    department, keys = await _checked(session, new)
    duties.require(principal, Operation.MANAGE_CLIENT, department)
    secret = opaque.new() if new.auth_method == "client_secret_basic" else None
    client = Client(
        client_id=new_id(),
        name=new.name,
        department=new.department,
        scopes=sorted(new.scopes),
        auth_method=new.auth_method,
        secret_digest=opaque.digest(secret) if secret else None,
        jwks=keys,
        created_at=now,
        **_operated(principal, new, now),
    )
    await store.add(session, client)
    details: dict[str, Any] = {"name": new.name, "department": new.department}
    details["scopes"] = client.scopes
    if client.operated_by is not None:
        details["operated_by"] = client.operated_by
    event = AuthEvent.CLIENT_REGISTERED
    audit.record(session, principal.actor, event, SUBJECT, client.client_id, **details)
    return Credentialed(client, secret)


def _operated(principal: Principal, new: NewClient, now: datetime) -> dict[str, Any]:
    if new.operated_by is None:
        return {}
    return contractors.approved(principal, new.department, new.operated_by, now)


async def _checked(
    session: ReadSession, new: NewClient
) -> tuple[Department, dict[str, Any] | None]:
    """Return the department and the usable keys of a new client; raises Invalid."""
    errors = FieldErrors()
    department = await department_store.get(session, new.department)
    departments.require_active(department, errors)
    keys = _usable_jwks(new.auth_method, new.jwks, errors)
    errors.raise_if_any()
    if department is None:
        raise NotFound
    return department, keys


def _usable_jwks(
    method: str, keys: Mapping[str, Any] | None, errors: FieldErrors
) -> dict[str, Any] | None:
    """Return the members of the key set that are kept; adds errors where it is of no use."""
    if method == "private_key_jwt":
        if keys is not None:
            return jwks.usable(keys, errors)
        errors.add("jwks", "missing", "private_key_jwt 须提供 jwks", "is needed for the method")
    elif keys is not None:
        errors.add("jwks", "unknown_item", "该认证方式不使用 jwks", "is not used by the method")
    return None


async def change(
    session: WriteSession,
    principal: Principal,
    client_id: str,
    revision: int | None,
    values: Mapping[str, Any],
    *,
    now: datetime,
) -> Client:
    """Change name, scopes or jwks, as an operator the rate limit; raises Invalid, NotFound, Stale.

    Every worker knows of it within a second. A change of nothing is refused (Invalid): which
    role it needs could not be said.
    """
    client, department = await _known(session, principal, client_id)
    departments.require_change(values)
    if "rate_limit" in values:
        duties.require(principal, Operation.LIMIT_CLIENT, department)
    if values.keys() - {"rate_limit"}:
        duties.require(principal, Operation.MANAGE_CLIENT, department)
    written = dict(values)
    if contractors.OPERATED_BY in values:
        said = values[contractors.OPERATED_BY]
        written |= contractors.approved(principal, client.department, said, now)
    if "jwks" in values:
        errors = FieldErrors()
        written["jwks"] = _usable_jwks(client.auth_method, values["jwks"], errors)
        errors.raise_if_any()
    changed = await store.change(session, client_id, revision, written)
    event = AuthEvent.CLIENT_CHANGED
    audit.record(session, principal.actor, event, SUBJECT, client_id, **written)
    restoration.tell(session, event, client_id, written)
    await changes.announce(session, SUBJECT, client_id)
    return changed


@dataclass(frozen=True, slots=True)
class Rotation:
    """How a secret is replaced: the old one ends at once, or holds for some hours beside it."""

    revoke_tokens: bool = False
    overlap_hours: int = 0


async def rotate(
    session: WriteSession,
    principal: Principal,
    client_id: str,
    rotation: Rotation,
    *,
    now: datetime,
) -> Credentialed:
    """Give the client a new secret; its tokens end when asked.

    Raises NotFound, Invalid, IllegalTransition, and Conflict for a client without a secret.
    """
    client = await controlled(session, principal, client_id)
    if client.auth_method != "client_secret_basic":
        raise Conflict(
            "该应用系统使用自己的密钥，请修改 jwks",
            "The client signs with its own key: change jwks",
        )
    _check_rotation(rotation)
    secret = opaque.new()
    values: dict[str, Any] = {
        "secret_digest": opaque.digest(secret),
        "previous_secret_digest": None,
        "previous_secret_until": None,
    }
    details: dict[str, Any] = {"revoke_tokens": rotation.revoke_tokens}
    if rotation.overlap_hours:
        until = now + timedelta(hours=rotation.overlap_hours)
        # In SQL: of two rotations at once the second keeps the secret of the first.
        values["previous_secret_digest"] = Client.secret_digest
        values["previous_secret_until"] = details["previous_until"] = until
    if rotation.revoke_tokens:
        values["generation"] = Client.generation + 1
    moved = await _move(session, principal, client, Action.ROTATE, values, details)
    return Credentialed(moved, secret)


def _check_rotation(rotation: Rotation) -> None:
    errors = FieldErrors()
    if rotation.revoke_tokens and rotation.overlap_hours:
        errors.add(
            "overlap_hours",
            "out_of_range",
            "旧密钥泄露时不得继续有效",
            "must be 0 where the tokens of the old secret end",
        )
    errors.raise_if_any()


async def suspend(
    session: WriteSession, principal: Principal, client_id: str, *, reason: str | None
) -> Client:
    """Suspend the client: its tokens end for ever, within a second everywhere (P3)."""
    client = await controlled(session, principal, client_id)
    values = {"generation": Client.generation + 1}
    return await _move(session, principal, client, Action.SUSPEND, values, {"reason": reason})


async def resume(session: WriteSession, principal: Principal, client_id: str) -> Client:
    """Let a suspended client call again; raises NotFound, IllegalTransition."""
    client = await controlled(session, principal, client_id)
    return await _move(session, principal, client, Action.RESUME, {}, {})


async def _move(
    session: WriteSession,
    principal: Principal,
    client: Client,
    action: Action,
    values: dict[str, Any],
    details: Mapping[str, Any],
) -> Client:
    origin = State(client.status)
    target = after(origin, action)
    moved = await store.move(session, client.client_id, origin, target, values)
    if moved is None:
        await session.refresh(client)
        after(State(client.status), action)
        raise Conflict
    audit.record(session, principal.actor, EVENTS[action], SUBJECT, client.client_id, **details)
    restoration.tell(session, EVENTS[action], client.client_id)
    await changes.announce(session, SUBJECT, client.client_id)
    return moved


async def controlled(session: ReadSession, principal: Principal, client_id: str) -> Client:
    """Return a client that the caller may manage; another department's is not found."""
    client, department = await _known(session, principal, client_id)
    duties.require(principal, Operation.MANAGE_CLIENT, department)
    return client


async def _known(
    session: ReadSession, principal: Principal, client_id: str
) -> tuple[Client, Department]:
    """Return a client that the caller may know of, with its department; raises NotFound."""
    client = await store.get(session, client_id)
    if client is None:
        raise NotFound
    department = await departments.load(session, client.department)
    duties.require_known(principal, Operation.SEE_CLIENT, department)
    return client, department


async def get(session: ReadSession, principal: Principal, client_id: str) -> Client:
    """Return a client of the caller's department, to security and operator of the division."""
    client, _ = await _known(session, principal, client_id)
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
    known = Known.of(principal, Operation.SEE_CLIENT)
    return await store.find(session, page, known, text=text, department=department, status=status)
