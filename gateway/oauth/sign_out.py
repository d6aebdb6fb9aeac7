"""Signing out: GET shows a form, POST ends the browser's sign-in and all that began with it."""

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from auth.oauth import sign_out
from auth.oauth.authorization import UnknownClient
from auth.oauth.errors import OAuth2Error
from auth.oauth.form import parse
from gateway.oauth import pages, schemas
from gateway.oauth.authorize import NOT_STORED, SEE_OTHER
from gateway.oauth.browser import Browser
from gateway.oauth.desk import life
from gateway.services import Using
from kernel import clock
from kernel.errors import Text

router = APIRouter()
ENDED = Text("表单已失效，请重新打开退出页面", "The form has ended; open the sign-out page again")


@router.get("/oauth/logout", responses=schemas.SIGN_OUT_PAGE, response_class=Response)
async def show(request: Request, using: Using) -> Response:
    """A page with one button; without a sign-in it is the same."""
    browser = Browser(request, using.settings)
    return pages.sign_out(browser, sign_out.form_token(using.box, browser.cookie or ""))


@router.post(
    "/oauth/logout",
    status_code=SEE_OTHER,
    openapi_extra=schemas.SIGN_OUT,
    responses=schemas.SIGN_OUT_ANSWERS,
    response_class=Response,
)
async def leave(request: Request, using: Using) -> Response:
    """The cookie and its families of refresh tokens end; then to `/`."""
    browser = Browser(request, using.settings)
    try:
        browser.refuse_cross_site()
    except UnknownClient as error:
        return pages.refused(browser, error)
    if not sign_out.is_form_token(using.box, browser.cookie or "", _token(await request.body())):
        return pages.refused(browser, UnknownClient(ENDED.zh, ENDED.en))
    if browser.cookie:
        async with using.database.transaction() as session:
            await sign_out.sign_out(
                session,
                browser.cookie,
                life(using.settings),
                browser.source,
                now=clock.now(),
            )
    response = RedirectResponse("/", SEE_OTHER, NOT_STORED)
    browser.forget(response)
    return response


def _token(body: bytes) -> str:
    """Return what the form held, empty for what is no form."""
    try:
        return parse(body).get("token") or ""
    except OAuth2Error:
        return ""
