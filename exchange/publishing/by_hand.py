"""Records that a person of the providing department uploads: the same checks, told by name."""

from collections.abc import Sequence
from dataclasses import replace

from auth.principal import Principal, Role, Scope
from exchange.events import ExchangeEvent
from exchange.publishing.publish import Media, OnInvalid, Op, Publisher, PublishRequest
from exchange.publishing.receipts import Receipt
from kernel import audit
from kernel.database import Database

UPLOADERS = (Role.CLERK, Role.HEAD)


async def upload(
    database: Database,
    publisher: Publisher,
    principal: Principal,
    resource_id: str,
    batches: Sequence[tuple[bytes, str]],
    *,
    on_invalid: OnInvalid,
    correlation_id: str,
) -> list[Receipt]:
    """Publish batches of lines, each under its idempotency key; return their receipts.

    A person has no `records:publish`, which is of systems: the role in the department stands for
    it. Raises 403 errors and those of `Publisher.publish`; batches before a refused one stay.
    """
    principal.require_scope(Scope.CATALOG_WRITE)
    principal.require_role(*UPLOADERS)
    publishing = replace(principal, scopes=frozenset({*principal.scopes, Scope.RECORDS_PUBLISH}))
    receipts: list[Receipt] = []
    try:
        for body, key in batches:
            request = PublishRequest(
                body, Media.NDJSON, Op.UPSERT, on_invalid, None, key, correlation_id
            )
            published = await publisher.publish(publishing, resource_id, request)
            receipts.append(published.receipt)
    finally:
        if receipts:
            await _record(database, principal, resource_id, receipts)
    return receipts


async def _record(
    database: Database, principal: Principal, resource_id: str, receipts: Sequence[Receipt]
) -> None:
    facts = {
        "receipts": [each.receipt_id for each in receipts],
        "accepted": sum(each.accepted for each in receipts),
        "rejected": sum(each.rejected for each in receipts),
    }
    event = ExchangeEvent.RECORDS_UPLOADED
    async with database.transaction() as session:
        audit.record(session, principal.actor, event, "resource", resource_id, **facts)
