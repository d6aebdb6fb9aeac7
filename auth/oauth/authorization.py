"""The authorization endpoint: reads a request (pure), and gives a code for it."""

from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta

from auth import opaque
from auth.oauth import public_client
from auth.oauth.errors import (
    InvalidRequestError,
    OAuth2Error,
    UnsupportedResponseType,
    redirect,
)
from auth.oauth.form import Parameters, parse
from auth.oauth.pkce import CHALLENGE
from auth.oauth.scopes import check_resource, granted
from auth.store import tokens as store
from auth.tables import AuthorizationCode, Person
from kernel.database import WriteSession
from kernel.errors import BadRequest, Text
from kernel.ids import new_id

CODE_SECONDS = 60
STATE_MAX = 2048
NAMES = (
    "response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge",
    "code_challenge_method", "resource", "ui_locales",
)  # fmt: skip


class UnknownClient(BadRequest):
    """Nobody may be sent to an address that is not registered: the answer is a page."""

    title = Text("授权请求无效", "The authorization request is not valid")


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request whose client and redirect address are known to be right."""

    client_id: str
    redirect_uri: str
    state: str | None
    scope: str
    code_challenge: str
    parameters: dict[str, str]


class SentBack(Exception):
    """The request is refused by way of the client; `location` tells it why."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


def read(text: bytes, issuer: str) -> AuthorizationRequest:
    """Read the query or form; raises UnknownClient (a page) or SentBack (a redirect)."""
    try:
        given = parse(text)
    except OAuth2Error as error:
        raise UnknownClient from error
    client_id, redirect_uri = _client(given, issuer)
    try:
        return _read(given, client_id, redirect_uri, issuer)
    except OAuth2Error as error:
        told = {"error": error.error, "error_description": error.description}
        state = None if "state" in given.repeated else given.get("state")
        raise SentBack(redirect(redirect_uri, {**told, "state": state, "iss": issuer})) from error


def _client(given: Parameters, issuer: str) -> tuple[str, str]:
    """Return who asks and where it is to be sent; raises UnknownClient."""
    client_id = given.get("client_id") or ""
    if client_id not in public_client.IDS or "client_id" in given.repeated:
        raise UnknownClient("未知的客户端", "The client is unknown")
    uri = given.get("redirect_uri") or ""
    registered = public_client.is_registered(client_id, uri, issuer)
    if "redirect_uri" in given.repeated or not registered:
        raise UnknownClient("回调地址未登记", "The redirect_uri is not registered")
    return client_id, uri


def _read(
    given: Parameters, client_id: str, redirect_uri: str, issuer: str
) -> AuthorizationRequest:
    given.refuse_repeated()
    if given.need("response_type") != "code":
        raise UnsupportedResponseType("response_type 须为 code", "The response type is not code.")
    challenge = given.need("code_challenge")
    if given.get("code_challenge_method") != "S256" or not CHALLENGE.fullmatch(challenge):
        raise InvalidRequestError(
            "须使用 code_challenge_method 为 S256 的 PKCE",
            "PKCE with code_challenge_method S256 is needed.",
        )
    state = given.get("state")
    if state is not None and len(state) > STATE_MAX:
        raise InvalidRequestError("state 过长", "The state is too long.")
    check_resource(given.get("resource"), issuer)
    return AuthorizationRequest(
        client_id,
        redirect_uri,
        state,
        granted(given.get("scope"), public_client.SCOPES),
        challenge,
        {name: value for name in NAMES if (value := given.get(name))},
    )


@dataclass(frozen=True, slots=True)
class Filled:
    """What the person wrote into a form; empty where the form has no such field."""

    username: str
    password: str = field(repr=False)
    ticket: str = field(repr=False)
    new_password: str = field(repr=False)
    new_password_again: str = field(repr=False)


def filled(given: Parameters) -> Filled:
    """Read the fields of the sign-in form, or of the one that asks for a new password."""
    return Filled(*(given.get(each.name) or "" for each in fields(Filled)))


async def give_code(
    session: WriteSession,
    person: Person,
    request: AuthorizationRequest,
    browser_session: str,
    issuer: str,
    now: datetime,
) -> str:
    """Return where to send the person, with a code that can be exchanged once within 60 s.

    The person was found entitled in this transaction (`sign_in.enter`, `sign_in.remembered`); the
    exchange of the code locks the person and asks again.
    """
    code = opaque.new()
    row = AuthorizationCode(
        digest=opaque.digest(code),
        family=new_id(),
        person_id=person.id,
        generation=person.generation,
        client_id=request.client_id,
        redirect_uri=request.redirect_uri,
        code_challenge=request.code_challenge,
        scope=request.scope,
        session=browser_session,
        expires_at=now + timedelta(seconds=CODE_SECONDS),
    )
    await store.add_code(session, row)
    return redirect(request.redirect_uri, {"code": code, "state": request.state, "iss": issuer})
