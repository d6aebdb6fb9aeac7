"""`GET /v1/subscriptions/{id}/preview`: what a subscription shows, for people of its consumer."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from exchange.delivery.viewing.preview import RECORDS_MAX
from gateway.api.records import ThingId
from gateway.principal import CatalogReader
from gateway.services import Using
from gateway.token_caller import TokenCaller, leaving
from kernel.wire import Verbatim, Wire

router = APIRouter(prefix="/v1/subscriptions/{id}", tags=["records"])


class PreviewLine(Wire):
    """A record as pull shows it; a delete has no `data`."""

    op: Literal["upsert", "delete"]
    key: Verbatim
    data: dict[str, Any] | None = None


class PreviewView(Wire):
    items: list[PreviewLine]


@router.get("/preview", response_model=PreviewView)
async def preview(
    id: ThingId,  # noqa: A002 - the contract's name
    request: Request,
    principal: CatalogReader,
    using: Using,
    limit: Annotated[int, Query(ge=1, le=RECORDS_MAX)] = RECORDS_MAX,
) -> Response:
    """预览授权所见的最新记录 / some of the newest records, as the grant shows them.

    For clerk and head of the consumer; charged to the day's quota, audited by name.
    """
    await using.gate.take(using.gate.buckets(principal, id))
    shown = await using.bus.previewer.preview(TokenCaller(using, request), id, limit)
    leaving(request, shown.admission)
    body = b'{"items":[%b]}' % b",".join(shown.lines)
    return Response(body, media_type="application/json", headers={"Cache-Control": "no-store"})
