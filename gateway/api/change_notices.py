"""`/v1/resources/{id}/change-notice`: what an entry describes has changed (Order 809 Art 17)."""

from fastapi import APIRouter

from catalog import change_notices
from gateway.api.entries import Reason, ResourceView
from gateway.api.registry import Prose
from gateway.api.resources import ResourceId, Step
from gateway.principal import CatalogWriter
from gateway.services import Writing
from kernel import clock
from kernel.wire import Day, Wire

router = APIRouter(prefix="/v1/resources/{resource_id}/change-notice", tags=["resources"])


class ChangeNoticeIn(Wire):
    """`occurred_on` is the day on which the law or the department's duties changed."""

    occurred_on: Day
    cause: Prose


@router.post("")
async def give(
    resource_id: ResourceId,
    body: ChangeNoticeIn,
    session: Writing,
    principal: CatalogWriter,
    step: Step,
) -> ResourceView:
    """登记变更：十个工作日内更新目录（第十七条）/ the entry is updated within ten working days."""
    shown = await change_notices.give(
        session, principal, resource_id, **body.model_dump(), now=clock.now()
    )
    return await step(shown)


@router.post("/extend")
async def extend(
    resource_id: ResourceId,
    body: Reason,
    session: Writing,
    principal: CatalogWriter,
    step: Step,
) -> ResourceView:
    """申请延长五个工作日 / ask the authority for five more working days, once and in time."""
    shown = await change_notices.extend(
        session, principal, resource_id, reason=body.reason, now=clock.now()
    )
    return await step(shown)


@router.post("/consent")
async def consent(
    resource_id: ResourceId, session: Writing, principal: CatalogWriter, step: Step
) -> ResourceView:
    """主管部门同意延长 / the authority consents to the extension."""
    return await step(
        await change_notices.consent(session, principal, resource_id, now=clock.now())
    )
