"""Mounting a service behind a resource, by the provider's head."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, update

from auth import networks
from auth.principal import Principal, Role, Scope
from catalog import versions
from exchange.events import ExchangeEvent
from exchange.modes import Live
from exchange.services.operations import Auth, ServiceTerms, check
from exchange.services.tables import Service
from exchange.subscriptions import store as subscriptions
from kernel import audit
from kernel.changes import announce
from kernel.database import ReadSession, WriteSession
from kernel.encrypted import of
from kernel.errors import FieldErrors, NotFound, Stale
from kernel.outbound.client import Outbound
from kernel.outbound.errors import OutboundError
from kernel.preconditions import Precondition
from kernel.secretbox import Secretbox

__all__ = ["ENCRYPTED", "KIND", "Service", "find", "put"]

KIND: Final = "service"
"""What a change is announced as; the key is the resource."""
SUBJECT: Final = "resource"
ENCRYPTED: Final = of(Service)


async def put(  # noqa: PLR0913 - what a service is
    session: WriteSession,
    principal: Principal,
    resource_id: str,
    precondition: Precondition,
    terms: ServiceTerms,
    *,
    box: Secretbox,
    outbound: Outbound,
    now: datetime,
) -> Service:
    """Mount a service, or change it; a secret that is left out stays.

    Raises NotFound, 403 errors, PreconditionRequired, Stale and Invalid, also for an address
    outside the provider's networks.
    """
    principal.require_scope(Scope.CATALOG_WRITE)
    entry = await versions.entry(session, resource_id)
    principal.require_department(entry.department)
    principal.require_role(Role.HEAD)
    present = await session.get(Service, resource_id, populate_existing=True)
    precondition.check(None if present is None else present.revision)
    terms = replace(terms, auth=_kept(terms.auth, present, box))
    check(terms, grade=entry.grade)
    await _require_reachable(session, entry.department, terms.base_url, outbound)
    secret = terms.auth.secret
    columns = terms.columns() | {
        "sealed": None if secret is None else box.encrypt(secret.encode()),
        "changed_by": principal.id,
        "changed_at": now,
    }
    row = await _written(session, resource_id, present, columns)
    operations = [each.name for each in terms.operations]
    facts = {"base_url": row.base_url, "operations": operations, "auth": str(terms.auth.kind)}
    event = ExchangeEvent.SERVICE_MOUNTED
    audit.record(session, principal.actor, event, SUBJECT, resource_id, **facts)
    await announce(session, KIND, resource_id)
    await subscriptions.note_live(session, Live.SERVICE, [resource_id], now)
    return row


async def find(session: ReadSession, principal: Principal, resource_id: str) -> Service:
    """Return the service to its own department; NotFound to others, and where there is none."""
    principal.require_scope(Scope.CATALOG_READ)
    department = await versions.department_of(session, resource_id)
    row = await session.get(Service, resource_id, populate_existing=True)
    if department != principal.department or row is None:
        raise NotFound
    return row


def _kept(auth: Auth, present: Service | None, box: Secretbox) -> Auth:
    """Take the stored secret where none is named and the kind is the same."""
    known = present is not None and present.sealed is not None
    if auth.secret is None and known and present.auth["kind"] == auth.kind:  # type: ignore[union-attr] # known
        return replace(auth, secret=box.decrypt(present.sealed).decode())  # type: ignore[union-attr, arg-type]
    return auth


async def _written(
    session: WriteSession, resource_id: str, present: Service | None, columns: dict[str, object]
) -> Service:
    if present is None:
        first = insert(Service).values(resource_id=resource_id, revision=1, **columns)
        once = first.on_conflict_do_nothing().returning(col(Service.resource_id))
        rows = await session.execute(once)
        if rows.first() is None:
            raise Stale
        return await session.get_one(Service, resource_id)
    statement = (
        update(Service)
        .where(col(Service.resource_id) == resource_id, col(Service.revision) == present.revision)
        .values(revision=present.revision + 1, **columns)
        .returning(Service)
        .execution_options(populate_existing=True, synchronize_session=False)
    )
    row_ = (await session.scalars(statement)).one_or_none()
    if row_ is None:
        raise Stale
    return row_


async def _require_reachable(
    session: ReadSession, department: str, base_url: str, outbound: Outbound
) -> None:
    try:
        await outbound.addresses(base_url, await networks.allowed(session, department))
    except OutboundError as error:
        errors = FieldErrors()
        errors.add(
            "base_url",
            "out_of_range",
            f"地址不可用，或不在本部门允许调用的网段内（{error.reason}）",
            f"cannot be called, or lies outside the department's networks ({error.reason})",
        )
        errors.raise_if_any()
