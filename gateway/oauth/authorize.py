"""The authorization endpoint: signed in, back to the client with a code; else the sign-in form."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from auth import sign_in
from auth.errors import TooManySignInAttempts
from auth.oauth import authorization
from auth.oauth.authorization import AuthorizationRequest, SentBack, UnknownClient
from auth.sign_in import WrongPassword
from auth.tables import Person
from gateway.oauth import pages, schemas
from gateway.oauth.browser import Browser
from gateway.services import Services, Using
from kernel import clock
from kernel.database import WriteSession

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
            return _sent(await _code(session, using, person, asked))
    return pages.form(browser, asked)


@router.post(
    "/oauth/authorize",
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
    return await _signed_in(using, browser, person, asked)


async def _signed_in(
    using: Services, browser: Browser, person: Person, asked: AuthorizationRequest
) -> Response:
    seconds = using.settings.refresh_token_seconds
    async with using.database.transaction() as session:
        now = clock.now()
        if browser.cookie:
            await sign_in.forget(session, browser.cookie, now=now)
        cookie = await sign_in.remember(session, person, seconds=seconds, now=now)
        response = _sent(await _code(session, using, person, asked))
    browser.keep(response, cookie, seconds)
    return response


async def _code(
    session: WriteSession, using: Services, person: Person, asked: AuthorizationRequest
) -> str:
    issuer = using.settings.base_url
    return await authorization.give_code(session, person, asked, issuer, clock.now())


def _sent(location: str) -> Response:
    return RedirectResponse(location, SEE_OTHER, NOT_STORED)
