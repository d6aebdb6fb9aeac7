"""Publishing and retiring a resource: the catalogue's decision and the broker's topic."""

from fastapi import APIRouter, Response

from exchange.announcements import publication
from exchange.publishing import opening
from gateway.api.entries import Reason, ResourceView
from gateway.api.resources import ResourceId, Step, tagged
from gateway.once import Keyed
from gateway.principal import CatalogWriter
from gateway.services import Using, Writing

router = APIRouter(prefix="/v1/resources", tags=["resources"])


@router.post("/{resource_id}/publish")
async def publish(
    resource_id: ResourceId,
    principal: CatalogWriter,
    using: Using,
    response: Response,
    key: Keyed,
) -> ResourceView:
    """Put the approved version in force; records may be published when this answers.

    One that affects running subscriptions waits for them (409 `consent_pending`).
    """
    async with using.database.reading() as reading:
        await key.answered(reading)
    await opening.ensure_topic(using.database, using.bus.topics, principal, resource_id)
    async with using.database.transaction() as session:
        once = await key.claimed(session)
        turns = using.bus.reader.turns
        shown = await publication.publish(session, principal, resource_id, turns)
        return await once.keep(await tagged(session, shown, response))


@router.post("/{resource_id}/retire")
async def retire(
    resource_id: ResourceId,
    body: Reason,
    session: Writing,
    principal: CatalogWriter,
    step: Step,
) -> ResourceView:
    """End a resource; a head only without live subscriptions, the authority always."""
    shown = await opening.retire(session, principal, resource_id, reason=body.reason)
    return await step(shown)
