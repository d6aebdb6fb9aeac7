"""`GET /v1/resources/{id}/impact`: what a draft would do to those who use the resource."""

from collections.abc import Sequence

from fastapi import APIRouter

from auth.principal import Principal
from exchange.stewardship import impact
from exchange.stewardship.impact import Affected, Impact
from exchange.stewardship.version_effects import Effect
from gateway import names
from gateway.api.resources import ResourceId
from gateway.principal import CatalogReader
from gateway.services import Services, Using
from kernel import clock
from kernel.wire import Wire

router = APIRouter(prefix="/v1/resources", tags=["resources"])


class EffectView(Wire):
    """What becomes of one running subscription; items are called as they were granted.

    `samples` are the newest records that are rows of the subscription, `samples_failed` those of
    them that the new contract would refuse.
    """

    id: str
    consumer_department: str
    consumer_name: str | None
    client_id: str
    client_name: str | None
    effect: Effect
    items_lost: list[str]
    items_narrowed: list[str]
    samples: int
    samples_failed: int


class ImpactView(Wire):
    """`version` against the one `in_force`; `verdict` is the worst effect."""

    resource_id: str
    resource_name: str | None
    version: int
    in_force: int | None
    verdict: Effect
    subscriptions: list[EffectView]


@router.get("/{resource_id}/impact")
async def measure(resource_id: ResourceId, principal: CatalogReader, using: Using) -> ImpactView:
    """新版本对运行中共享授权的影响 / what the newest version would do to running subscriptions."""
    found = await tried(resource_id, principal, using)
    return await view(using, found, found.subscriptions)


async def tried(resource_id: str, principal: Principal, using: Services) -> Impact:
    """Return the impact, with records tried; raises what `impact.tried` does."""
    reader = using.bus.reader
    return await impact.tried(using.database, reader, principal, resource_id, now=clock.now())


async def view(using: Services, found: Impact, shown: Sequence[Affected]) -> ImpactView:
    """Return the impact with some of its subscriptions, by their names."""
    views = [_fields(each) for each in shown]
    own = {"resource_id": found.resource_id}
    async with using.database.reading() as session:
        await names.add(session, [own, *views])
    return ImpactView.model_validate({**own, **_facts(found), "subscriptions": views})


def _facts(found: Impact) -> dict[str, object]:
    return {"version": found.version, "in_force": found.in_force, "verdict": found.verdict}


def _fields(affected: Affected) -> dict[str, object]:
    grant, outcome = affected.grant, affected.outcome
    return {
        "id": grant.id,
        "consumer_department": grant.consumer_department,
        "client_id": grant.client_id,
        "effect": outcome.effect,
        "items_lost": outcome.items_lost,
        "items_narrowed": outcome.items_narrowed,
        "samples": affected.samples,
        "samples_failed": affected.samples_failed,
    }
