"""A device without a browser (RFC 8628): it asks for codes, a person signs in here and decides."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from auth.oauth import device
from auth.oauth.authorization import UnknownClient
from auth.oauth.client_authentication import Asking
from auth.oauth.errors import NOT_STORED, OAuth2Error, answer
from auth.oauth.form import Parameters, parse
from auth.sign_in import Checked, Cookie, Entered
from gateway.oauth import device_pages, pages, schemas
from gateway.oauth.browser import Browser
from gateway.oauth.desk import Desk, life
from gateway.problems import in_english
from gateway.services import Services, Using
from gateway.source import source_of
from kernel import clock
from kernel.database import WriteSession
from kernel.errors import Invalid, ShuyuanError

router = APIRouter()
ALLOW, DENY = "allow", "deny"


@router.post(
    "/oauth/device_authorization", openapi_extra=schemas.DEVICE, responses=schemas.DEVICE_ANSWERS
)
async def device_authorization(request: Request, using: Using) -> Response:
    """Codes for `shuyuan-cli` where no browser is: one for the device, one to be typed (10 min)."""
    source = source_of(request, using.settings.trusted_proxies)
    try:
        form = parse(await request.body())
        asking = Asking(request.headers.get("Authorization"), form, frozenset(), source)
        response = await device.begin(using.database, asking, using.settings.base_url, clock.now())
    except OAuth2Error as error:
        english = in_english(request.headers.get("accept-language", ""))
        status, headers, body = answer(error, english=english)
        return JSONResponse(body, status, headers)
    return JSONResponse(response, headers=NOT_STORED)


@router.get(
    device.PATH,
    openapi_extra=schemas.DEVICE_PAGE,
    responses=schemas.DEVICE_PAGE_ANSWERS,
    response_class=Response,
)
async def show(request: Request, using: Using) -> Response:
    """The sign-in form with a field for the code; it says nothing about the code."""
    code = request.query_params.get("user_code") or ""
    return device_pages.form(Browser(request, using.settings), code)


@router.post(
    device.PATH,
    openapi_extra=schemas.DEVICE_FORM,
    responses=schemas.DEVICE_FORM_ANSWERS,
    response_class=Response,
)
async def answer_form(request: Request, using: Using) -> Response:
    """What the forms send: code, name and password; a new password; then the decision."""
    browser = Browser(request, using.settings)
    try:
        browser.refuse_cross_site()
        form = parse(await request.body())
    except UnknownClient as error:
        return pages.refused(browser, error)
    except OAuth2Error as error:
        return pages.refused(browser, UnknownClient(error.detail.zh, error.detail.en))
    if form.get("decision"):
        return await _decide(using, browser, form)
    return await _Desk(using, browser, form.get("user_code") or "").answer(form)


@dataclass(frozen=True, slots=True)
class _Desk(Desk):
    user_code: str

    def form(self, *, username: str = "", error: ShuyuanError | None = None) -> Response:
        return device_pages.form(self.browser, self.user_code, username=username, error=error)

    def new_password(self, ticket: str, *, error: ShuyuanError | None = None) -> Response:
        return device_pages.new_password(self.browser, self.user_code, ticket, error=error)

    async def check(self, checked: Checked) -> None:
        await device.require_known(
            self.using.database, checked, self.user_code, self.browser.source, clock.now()
        )

    async def entered(self, session: WriteSession, person: Entered, cookie: Cookie) -> Response:
        asked = await device.waiting(session, self.user_code, clock.now())
        token = device.form_token(self.using.box, cookie.value, self.user_code)
        return device_pages.decision(self.browser, self.user_code, asked, person, token)


async def _decide(using: Services, browser: Browser, form: Parameters) -> Response:
    """Take the decision of whoever was shown what is asked for, and of nobody else."""
    cookie, code = browser.cookie or "", form.get("user_code") or ""
    token, decision = form.get("token") or "", form.get("decision")
    is_ours = device.is_form_token(using.box, cookie, code, token)
    if not is_ours or decision not in (ALLOW, DENY):
        return device_pages.form(browser, code, error=device.SignInEnded())
    approved = decision == ALLOW
    try:
        async with using.database.transaction() as session:
            await device.decide(
                session, cookie, life(using.settings), code, browser.source,
                approved=approved, now=clock.now(),
            )  # fmt: skip
    except Invalid as error:
        return device_pages.form(browser, code, error=error)
    return device_pages.decided(browser, approved=approved)
