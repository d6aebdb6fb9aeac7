"""The token endpoint, introspection and revocation: forms in, JSON of RFC 6749 out."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Request, Security
from fastapi.openapi.models import HTTPBase
from fastapi.security.base import SecurityBase
from starlette.responses import JSONResponse, Response

from auth.oauth import introspection
from auth.oauth.client_authentication import Asking
from auth.oauth.errors import NOT_STORED, OAuth2Error, answer
from auth.oauth.form import parse
from auth.oauth.grants import TokenEndpoint
from auth.oauth.successors import Successors
from gateway.oauth import schemas
from gateway.problems import in_english
from gateway.services import Services, Using
from gateway.source import source_of
from kernel import clock

router = APIRouter()


class ClientHeader(SecurityBase):
    """The header as it came: OAuth has its own refusals for one that cannot be read."""

    def __init__(self) -> None:
        self.model = HTTPBase(scheme="basic", description="client_id : client_secret")
        self.scheme_name = "client"

    async def __call__(self, request: Request) -> str | None:
        return request.headers.get("Authorization")


Authorization = Annotated[str | None, Security(ClientHeader())]


@router.post("/oauth/token", openapi_extra=schemas.TOKEN, responses=schemas.TOKEN_ANSWERS)
async def token(request: Request, using: Using, authorization: Authorization) -> Response:
    """`client_credentials` is for application systems, the other grants are for people."""
    try:
        asking = await _asking(request, using, authorization)
        key = await using.tokens.keys.signing()
        endpoint = TokenEndpoint(using.database, Successors(using.box), using.settings)
        return _answered(await endpoint.issue(key, asking, clock.now()))
    except OAuth2Error as error:
        return _refused(request, error)


@router.post(
    "/oauth/introspect", openapi_extra=schemas.INTROSPECT, responses=schemas.INTROSPECT_ANSWERS
)
async def introspect(request: Request, using: Using, authorization: Authorization) -> Response:
    """RFC 7662, for clients; a token of another department is inactive to them."""
    try:
        asking = await _asking(request, using, authorization)
        response = await introspection.introspect(
            using.database, using.tokens, asking, now=clock.now()
        )
    except OAuth2Error as error:
        return _refused(request, error)
    return _answered(response)


@router.post("/oauth/revoke", openapi_extra=schemas.REVOKE, responses=schemas.REVOKE_ANSWERS)
async def revoke(request: Request, using: Using, authorization: Authorization) -> Response:
    """RFC 7009: the token is refused by every worker within a second."""
    try:
        asking = await _asking(request, using, authorization)
        await introspection.revoke(using.database, using.tokens, asking, now=clock.now())
    except OAuth2Error as error:
        return _refused(request, error)
    return Response(status_code=200, headers=NOT_STORED)


async def _asking(request: Request, using: Services, authorization: str | None) -> Asking:
    issuer = using.settings.base_url
    audiences = frozenset({issuer, f"{issuer}/oauth/token", f"{issuer}{request.url.path}"})
    source = source_of(request, using.settings.trusted_proxies)
    return Asking(authorization, parse(await request.body()), audiences, source)


def _answered(body: Mapping[str, Any]) -> Response:
    return JSONResponse(body, headers=NOT_STORED)


def _refused(request: Request, error: OAuth2Error) -> Response:
    english = in_english(request.headers.get("accept-language", ""))
    status, headers, body = answer(error, english=english)
    return JSONResponse(body, status, headers)
