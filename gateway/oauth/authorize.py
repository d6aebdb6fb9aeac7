"""The authorization endpoint: always the sign-in form, then back to the client with a code.

`shuyuan-cli` runs on the person's own machine, and so may anything that calls itself so: a cookie
alone gives no code (RFC 8252 section 8.6, RFC 9700 section 4.10).
"""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from auth import first_password, people, sign_in
from auth.browsers import Browsers
from auth.errors import TooManySignInAttempts
from auth.oauth import authorization
from auth.oauth.authorization import AuthorizationRequest, Filled, SentBack, UnknownClient
from auth.sign_in import Attempt, Checked, Gate, Life, WrongPassword
from gateway.oauth import pages, schemas
from gateway.oauth.browser import Browser
from gateway.services import Services, Using
from kernel import clock
from kernel.errors import Invalid, Unavailable
from kernel.settings import Settings

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
        asked = authorization.read(request.url.query.encode(), using.settings.base_url)
    except UnknownClient as error:
        return pages.refused(browser, error)
    except SentBack as error:
        return _sent(error.location)
    return pages.form(browser, asked)


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
        asked = authorization.read(body, using.settings.base_url)
    except UnknownClient as error:
        return pages.refused(browser, error)
    except SentBack as error:
        return _sent(error.location)
    desk = _Desk(using, browser, asked)
    filled = authorization.filled(body)
    return await (desk.set_password(filled) if filled.ticket else desk.sign_in(filled))


@dataclass(frozen=True, slots=True)
class _Desk:
    """One form that came in."""

    using: Services
    browser: Browser
    asked: AuthorizationRequest

    async def sign_in(self, filled: Filled) -> Response:
        attempt = Attempt(filled.username, filled.password, self.browser.source)
        try:
            checked = await gate(self.using).check(attempt, now=clock.now())
            if checked.temporary:
                return self._ask_for_password(checked)
            return await self._let_in(checked)
        except (WrongPassword, TooManySignInAttempts, Unavailable) as error:
            return pages.form(self.browser, self.asked, username=filled.username, error=error)

    def _ask_for_password(self, checked: Checked) -> Response:
        ticket = first_password.ticket(self.using.box, checked, clock.now())
        return pages.new_password(self.browser, self.asked, ticket)

    async def set_password(self, filled: Filled) -> Response:
        """Take the password that replaces a temporary one, and let the person in."""
        database, box = self.using.database, self.using.box
        try:
            checked = await first_password.redeemed(database, box, filled.ticket, clock.now())
            hashed = await first_password.chosen(
                database, checked, filled.new_password, filled.new_password_again
            )
            return await self._let_in(checked, hashed)
        except (Invalid, Unavailable) as error:
            return pages.new_password(self.browser, self.asked, filled.ticket, error=error)
        except WrongPassword as error:
            return pages.form(self.browser, self.asked, error=error)

    async def _let_in(self, checked: Checked, new_hash: str = "") -> Response:
        """Give cookie and code; raises WrongPassword when the password was changed meanwhile."""
        settings, now = self.using.settings, clock.now()
        async with self.using.database.transaction() as session:
            person = await sign_in.enter(session, checked, self.browser.source)
            if new_hash:
                await people.replace_temporary(session, person, new_hash, now=now)
            cookie = await sign_in.remember(
                session, person, life(settings), now=now, replacing=self.browser.cookie
            )
            location = await authorization.give_code(
                session, person, self.asked, cookie.session, settings.base_url, now
            )
        response = _sent(location)
        self.browser.keep(response, cookie.value, settings.refresh_token_seconds)
        self.browser.recognise(response, Browsers(self.using.box).mark(person.id))
        return response


def gate(using: Services) -> Gate:
    """Return what checks passwords on this platform."""
    names = using.settings.sign_in_names_per_source
    return Gate(using.database, Browsers(using.box), names)


def life(settings: Settings) -> Life:
    return Life(settings.refresh_token_seconds, settings.sign_in_idle_seconds)


def _sent(location: str) -> Response:
    return RedirectResponse(location, SEE_OTHER, NOT_STORED)
