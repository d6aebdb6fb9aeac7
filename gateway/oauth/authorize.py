"""The authorization endpoint: signed in, back to the client with a code; else the sign-in form."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from auth import sign_in
from auth.errors import TooManySignInAttempts
from auth.oauth import authorization
from auth.oauth.authorization import SentBack, UnknownClient
from auth.sign_in import WrongPassword
from gateway.oauth import pages, schemas
from gateway.oauth.browser import Browser
from gateway.services import Using
from kernel import clock

router = APIRouter()

SEE_OTHER = 303
NOT_STORED = {"Cache-Control": "no-store"}


@router.get(
    "/oauth/authorize",
    openapi_extra=schemas.AUTHORIZE,
    responses=schemas.AUTHORIZE_ANSWERS,
    response_class=Response,
)
async def authorize(request: Request, using: Using) -> Response:
    """Code with PKCE S256 (RFC 6749, 7636, 9207). Signed out: one form, no JavaScript."""
    browser = Browser(request, using.settings.base_url)
    try:
        asked = authorization.read(request.url.query.encode(), using.settings.base_url)
    except UnknownClient as error:
        return pages.refused(browser, error)
    except SentBack as error:
        return _sent(error.location)
    async with using.database.transaction() as session:
        now = clock.now()
        cookie = browser.cookie
        person = await sign_in.remembered(session, cookie, now=now) if cookie else None
        if person is not None:
            issuer = using.settings.base_url
            return _sent(await authorization.give_code(session, person, asked, issuer, now))
    return pages.form(browser, asked)


@router.post(
    "/oauth/authorize",
    status_code=SEE_OTHER,
    openapi_extra=schemas.SIGN_IN,
    responses=schemas.SIGN_IN_ANSWERS,
    response_class=Response,
)
async def answer_form(request: Request, using: Using) -> Response:
    """What the form sends: name and password, and the authorization request once more."""
    browser = Browser(request, using.settings.base_url)
    body = await request.body()
    try:
        browser.refuse_cross_site()
        asked = authorization.read(body, using.settings.base_url)
    except UnknownClient as error:
        return pages.refused(browser, error)
    except SentBack as error:
        return _sent(error.location)
    username, password = authorization.credentials(body)
    try:
        person = await sign_in.sign_in(using.database, username, password, now=clock.now())
    except (WrongPassword, TooManySignInAttempts) as error:
        return pages.form(browser, asked, username=username, error=error)
    seconds, now = using.settings.refresh_token_seconds, clock.now()
    async with using.database.transaction() as session:
        cookie = await sign_in.remember(
            session, person, seconds=seconds, now=now, replacing=browser.cookie
        )
        issuer = using.settings.base_url
        response = _sent(await authorization.give_code(session, person, asked, issuer, now))
    browser.keep(response, cookie, seconds)
    return response


def _sent(location: str) -> Response:
    return RedirectResponse(location, SEE_OTHER, NOT_STORED)
