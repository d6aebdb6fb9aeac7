"""Signing in to the console: a client of the platform's own OAuth server (code, PKCE S256)."""

import hmac
from dataclasses import dataclass, field
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from auth import directory, opaque
from auth.errors import TokenInvalid
from auth.oauth import introspection, pkce, sign_out
from auth.oauth.client_authentication import Asking
from auth.oauth.errors import OAuth2Error
from auth.oauth.form import Parameters, parse
from auth.oauth.grants import TokenEndpoint
from auth.oauth.public_client import CONSOLE_CALLBACK, CONSOLE_ID
from auth.oauth.successors import Successors
from gateway.console import render
from gateway.console.session import FLOW, SESSION, Cookies, Flow, Session
from gateway.console.visit import LANGUAGE, english_of
from gateway.oauth.browser import Browser
from gateway.oauth.desk import life
from gateway.services import Services, Using
from gateway.source import source_of
from kernel import clock
from kernel.errors import Unauthorized

router = APIRouter(include_in_schema=False)
SEE_OTHER = 303
NOT_STORED = {"Cache-Control": "no-store"}
HOME = "/console"
THEN_MAX = 2000
YEAR_SECONDS = 31_536_000


@dataclass(frozen=True, slots=True)
class Pair:
    access: str = field(repr=False)
    refresh: str = field(repr=False)


@router.get("/console/sign-in")
async def begin(request: Request, using: Using) -> Response:
    """Send the browser to the authorization endpoint; a sign-in that lives answers at once."""
    flow = Flow(
        state=opaque.new(),
        verifier=opaque.new(),
        then=_local(request.query_params.get("then")),
        begun_at=int(clock.now().timestamp()),
    )
    query = {
        "response_type": "code",
        "client_id": CONSOLE_ID,
        "redirect_uri": f"{using.settings.base_url}{CONSOLE_CALLBACK}",
        "state": flow.state,
        "code_challenge": pkce.challenge(flow.verifier),
        "code_challenge_method": "S256",
        "ui_locales": "en" if english_of(request) else "zh-CN",
    }
    response = RedirectResponse(f"/oauth/authorize?{urlencode(query)}", SEE_OTHER, NOT_STORED)
    Cookies(using.box, using.settings).begin(response, flow)
    return response


@router.get(CONSOLE_CALLBACK)
async def signed_in(request: Request, using: Using) -> Response:
    """Exchange the code that the authorization endpoint gave, and begin the session."""
    cookies = Cookies(using.box, using.settings)
    flow, query = cookies.flow(request), request.query_params
    code, state = query.get("code"), query.get("state") or ""
    if flow is None or not code or not hmac.compare_digest(flow.state.encode(), state.encode()):
        return _not_signed_in(request)
    fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("code_verifier", flow.verifier),
        ("redirect_uri", f"{using.settings.base_url}{CONSOLE_CALLBACK}"),
    ]
    try:
        pair = await _tokens(request, using, fields)
    except Unauthorized:
        return _not_signed_in(request)
    response = RedirectResponse(flow.then, SEE_OTHER, NOT_STORED)
    cookies.keep(response, await _session(using, pair))
    cookies.forget(response, FLOW)
    return response


@router.post("/console/sign-out")
async def leave(request: Request, using: Using) -> Response:
    """End the session, its tokens, and the sign-in of the browser with all that began with it."""
    cookies, browser = Cookies(using.box, using.settings), Browser(request, using.settings)
    session = cookies.session(request)
    given = (await _form(request)).get("token")
    if session is not None and cookies.proves(session.person, given):
        await _end(request, using, session, browser)
    response = RedirectResponse("/", SEE_OTHER, NOT_STORED)
    cookies.forget(response, SESSION)
    browser.forget(response)
    return response


@router.post("/console/language")
async def choose_language(request: Request) -> Response:
    """Remember the language that a person chose, for a year."""
    form = await _form(request)
    response = RedirectResponse(_local(form.get("then")), SEE_OTHER, NOT_STORED)
    chosen = "en" if form.get("language") == "en" else "zh"
    response.set_cookie(LANGUAGE, chosen, YEAR_SECONDS, path="/", httponly=True, samesite="lax")
    return response


async def _form(request: Request) -> Parameters:
    """Return what the form held, nothing for what is no form."""
    try:
        return parse(await request.body())
    except OAuth2Error:
        return Parameters([])


async def refreshed(request: Request, using: Services, refresh: str) -> Pair:
    """Return the next pair of tokens; raises Unauthorized where there is none."""
    return await _tokens(
        request, using, [("grant_type", "refresh_token"), ("refresh_token", refresh)]
    )


async def _tokens(request: Request, using: Services, fields: list[tuple[str, str]]) -> Pair:
    asking = _asking(request, using, [*fields, ("client_id", CONSOLE_ID)])
    try:
        key = await using.tokens.keys.signing()
        endpoint = TokenEndpoint(using.database, Successors(using.box), using.settings)
        answer = await endpoint.issue(key, asking, clock.now())
    except OAuth2Error as error:
        raise TokenInvalid from error
    return Pair(answer["access_token"], answer["refresh_token"])


async def _session(using: Services, pair: Pair) -> Session:
    principal = await using.tokens.verify(pair.access.encode())
    async with using.database.reading() as session:
        name = await directory.name_of(session, principal)
        departments = await directory.departments(session, [principal.department])
    seconds = int(clock.now().timestamp())
    return Session(
        person=principal.id,
        name=name or principal.id,
        department=principal.department,
        department_name=departments.get(principal.department) or principal.department,
        began_at=seconds,
        used_at=seconds,
        access=pair.access,
        refresh=pair.refresh,
    )


async def _end(request: Request, using: Services, session: Session, browser: Browser) -> None:
    now = clock.now()
    for token in (session.access, session.refresh):
        asking = _asking(request, using, [("token", token), ("client_id", CONSOLE_ID)])
        await introspection.revoke(using.database, using.tokens, asking, now=now)
    if browser.cookie:
        async with using.database.transaction() as writing:
            await sign_out.sign_out(
                writing, browser.cookie, life(using.settings), browser.source, now=now
            )


def _asking(request: Request, using: Services, fields: list[tuple[str, str]]) -> Asking:
    source = source_of(request, using.settings.trusted_proxies)
    return Asking(None, Parameters(fields), frozenset(), source)


def _local(then: str | None) -> str:
    """Return an address of the console, its first page for any other."""
    inside = then is not None and (then == HOME or then.startswith((f"{HOME}/", f"{HOME}?")))
    plain = then is not None and then.isprintable() and "\\" not in then and len(then) <= THEN_MAX
    return then if then is not None and inside and plain else HOME


def _not_signed_in(request: Request) -> Response:
    english = english_of(request)
    return render.html("not_signed_in.html", {}, english=english, status=400)
