"""The authorization endpoint: the sign-in form, then back to the client with a code.

`shuyuan-cli` runs on the person's own machine, and so may anything that calls itself so: a cookie
alone gives it no code (RFC 8252 section 8.6, RFC 9700 section 4.10). The console's redirect leads
to the platform itself: there the cookie answers.
"""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from auth import sign_in
from auth.oauth import authorization
from auth.oauth.authorization import AuthorizationRequest, SentBack, UnknownClient
from auth.oauth.form import parse
from auth.oauth.public_client import CONSOLE_ID
from auth.sign_in import Checked, Cookie, Entered
from gateway.oauth import pages, schemas
from gateway.oauth.browser import Browser
from gateway.oauth.desk import Desk, life
from gateway.services import Services, Using
from kernel import clock
from kernel.database import WriteSession
from kernel.errors import ShuyuanError

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
    """Code with PKCE S256 (RFC 6749, 7636, 9207): one form, no JavaScript."""
    browser = Browser(request, using.settings)
    try:
        authorization_request = authorization.read(
            request.url.query.encode(), using.settings.base_url
        )
    except UnknownClient as error:
        return pages.refused(browser, error)
    except SentBack as error:
        return _sent(error.location)
    remembered = await _remembered(browser, using, authorization_request)
    return remembered or pages.form(browser, authorization_request)


async def _remembered(
    browser: Browser, using: Services, asked: AuthorizationRequest
) -> Response | None:
    """Return the answer to the console where the browser is signed in, None elsewhere."""
    if asked.client_id != CONSOLE_ID or not browser.cookie:
        return None
    issuer, now = using.settings.base_url, clock.now()
    async with using.database.transaction() as session:
        found = await sign_in.remembered(session, browser.cookie, life(using.settings), now=now)
        if found is None:
            return None
        person, name = found
        return _sent(await authorization.give_code(session, person, asked, name, issuer, now))


@router.post(
    "/oauth/authorize",
    status_code=SEE_OTHER,
    openapi_extra=schemas.SIGN_IN,
    responses=schemas.SIGN_IN_ANSWERS,
    response_class=Response,
)
async def answer_form(request: Request, using: Using) -> Response:
    """What the forms send: name and password or a new password, and the request once more."""
    browser = Browser(request, using.settings)
    body = await request.body()
    try:
        browser.refuse_cross_site()
        authorization_request = authorization.read(body, using.settings.base_url)
    except UnknownClient as error:
        return pages.refused(browser, error)
    except SentBack as error:
        return _sent(error.location)
    return await _Desk(using, browser, authorization_request).answer(parse(body))


@dataclass(frozen=True, slots=True)
class _Desk(Desk):
    asked: AuthorizationRequest

    def form(self, *, username: str = "", error: ShuyuanError | None = None) -> Response:
        return pages.form(self.browser, self.asked, username=username, error=error)

    def new_password(self, ticket: str, *, error: ShuyuanError | None = None) -> Response:
        return pages.new_password(self.browser, self.asked, ticket, error=error)

    async def check(self, checked: Checked) -> None:
        """The request was read before the form was."""

    async def entered(self, session: WriteSession, person: Entered, cookie: Cookie) -> Response:
        issuer, now = self.using.settings.base_url, clock.now()
        return _sent(
            await authorization.give_code(session, person, self.asked, cookie.session, issuer, now)
        )


def _sent(location: str) -> Response:
    return RedirectResponse(location, SEE_OTHER, NOT_STORED)
