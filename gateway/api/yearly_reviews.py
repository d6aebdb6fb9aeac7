"""`/v1/resources/{id}/yearly-review`: an entry is looked at again each year (国发〔2016〕51号)."""

from fastapi import APIRouter

from catalog import yearly_reviews
from catalog.yearly_reviews import Outcome
from gateway.api.entries import ResourceView
from gateway.api.registry import Prose
from gateway.api.resources import ResourceId, Step
from gateway.principal import CatalogWriter
from gateway.services import Writing
from kernel import clock
from kernel.wire import Wire

router = APIRouter(prefix="/v1/resources/{resource_id}/yearly-review", tags=["resources"])


class YearlyReviewIn(Wire):
    """`to_change` starts C1 today; `note` says what was looked at, or what is to change."""

    outcome: Outcome
    note: Prose


@router.post("")
async def review(
    resource_id: ResourceId,
    body: YearlyReviewIn,
    session: Writing,
    principal: CatalogWriter,
    step: Step,
) -> ResourceView:
    """年度复核：内容不变，或者须更新 / the yearly review: the entry stays, or is to change."""
    shown = await yearly_reviews.review(
        session, principal, resource_id, **body.model_dump(), now=clock.now()
    )
    return await step(shown)
