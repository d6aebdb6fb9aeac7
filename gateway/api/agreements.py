"""`/v1/subscriptions/{id}/agreement`: what was agreed, to print, or signed (section 4)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from auth.principal import Principal
from auth.statements import signed
from catalog import versions
from exchange.applications import agreed_terms
from exchange.applications.agreed_terms import Agreed
from exchange.delivery.masks import masks_held
from gateway import names
from gateway.api.sharing import ConditionWire
from gateway.console import render
from gateway.console.visit import english_of
from gateway.names import Fields
from gateway.negotiation import prefers_html
from gateway.principal import CatalogReader
from gateway.services import Services, Using
from kernel import clock
from kernel.database import ReadSession
from kernel.errors import NotFound
from kernel.wire import Day, Wire

router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"])

KIND: Final = "sharing-agreement+jws"
HTML: Final = "text/html"
# A page to print: neither scripts nor forms.
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Vary": "Accept, Accept-Language",
}
PAGE: Final[Mapping[int | str, dict[str, Any]]] = {
    200: {"content": {HTML: {"schema": {"type": "string"}}}}
}


class AgreementTerms(Wire):
    """What holds between the two departments at the moment `stated_at`."""

    subscription_id: str
    application_id: str
    status: str
    revision: int
    resource_id: str
    resource_name: str | None
    resource_version: int
    provider_department: str
    provider_name: str | None
    consumer_department: str
    consumer_name: str | None
    client_id: str
    client_name: str | None
    items: list[str]
    masks: dict[str, Any]
    row_filter: list[ConditionWire]
    mode: str
    records_per_day: int | None
    basis: str
    scenario: str
    scope: str
    commitment: bool
    valid_from: Day | None
    valid_until: Day
    submitted_at: datetime | None
    agreed_at: datetime | None
    note: str | None
    stated_at: datetime
    issuer: str


class AgreementView(Wire):
    """`jws` is compact (RFC 7515): its payload is `terms`, its key one of `/oauth/jwks`."""

    terms: AgreementTerms
    jws: str


@router.get("/{subscription_id}/agreement", response_model=AgreementView, responses={**PAGE})
async def find(
    subscription_id: str, request: Request, principal: CatalogReader, using: Using
) -> Response:
    """共享协议：供打印，或附平台签名的 JSON / to print, or as JSON that the platform signs."""
    terms = await terms_of(using, principal, subscription_id)
    if prefers_html(request.headers.get("accept", "").encode()):
        shown = {"terms": terms, "items": await labels_of(using, principal, terms)}
        page = render.html("agreement.html", shown, english=english_of(request))
        page.headers.update(HEADERS)
        return page
    told = terms.model_dump(mode="json")
    jws = signed(await using.tokens.keys.signing(), KIND, told)
    view = AgreementView(terms=terms, jws=jws)
    headers = {"Vary": HEADERS["Vary"]}
    return Response(view.model_dump_json(), media_type="application/json", headers=headers)


async def terms_of(using: Services, principal: Principal, subscription_id: str) -> AgreementTerms:
    async with using.database.reading() as session:
        agreed = await agreed_terms.find(session, principal, subscription_id)
        view = _fields(agreed)
        view["masks"] = await _masks(session, agreed)
        await names.add(session, [view])
    view.update(stated_at=clock.now(), issuer=using.settings.base_url)
    return AgreementTerms.model_validate({name: view[name] for name in AgreementTerms.model_fields})


async def labels_of(
    using: Services, principal: Principal, terms: AgreementTerms
) -> Mapping[str, str]:
    """Return what people call the items of the version that was agreed on."""
    async with using.database.reading() as session:
        try:
            shown = await versions.shown(
                session, principal, terms.resource_id, terms.resource_version
            )
        except NotFound:
            return {}
    return {item["name"]: item["label"] for item in shown.version.items}


async def _masks(session: ReadSession, agreed: Agreed) -> Mapping[str, Any]:
    row = agreed.subscription
    return (await masks_held(session, [row]))[row.id]


def _fields(agreed: Agreed) -> Fields:
    row, application = agreed.subscription, agreed.application
    asked = application.model_dump(
        include={"basis", "scenario", "scope", "commitment", "submitted_at"}
    )
    return (
        row.model_dump()
        | asked
        | {
            "subscription_id": row.id,
            "application_id": application.id,
            "agreed_at": application.decided_at,
            "note": (application.decision or {}).get("note"),
        }
    )
