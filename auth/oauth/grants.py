"""The token endpoint: one function for each grant type (RFC 6749, 7636, 9700).

A refusal that must leave a trace, as a code used twice, is returned and not raised, so that its
transaction commits.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.jwk import ECKey

from auth import opaque
from auth.events import AuthEvent
from auth.issuing import AccessToken, Grant, sign
from auth.oauth import families, public_client
from auth.oauth.client_authentication import Asking, authenticate
from auth.oauth.errors import (
    InvalidGrantError,
    OAuth2Error,
    UnauthorizedClientError,
    UnsupportedGrantType,
)
from auth.oauth.scopes import check_resource, granted
from auth.store import departments, people
from auth.store import tokens as store
from auth.tables import Client, Person, RefreshToken
from kernel import audit
from kernel.actor import Actor
from kernel.database import WriteSession
from kernel.settings import Settings

CODE_UNUSABLE = "The code is unknown, was used, has ended, or was issued for something else."
REFRESH_UNUSABLE = "The refresh token is unknown, was used, or has ended."

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Desk:
    """What a grant needs beside the request."""

    session: WriteSession
    key: ECKey
    settings: Settings
    now: datetime

    def sign(self, grant: Grant) -> AccessToken:
        seconds = self.settings.access_token_seconds
        return sign(self.key, self.settings.base_url, grant, seconds=seconds, now=self.now)


async def issue(desk: Desk, asking: Asking) -> Answer | OAuth2Error:
    """Authenticate the client and answer its grant; raises OAuth2Error."""
    asking.form.refuse_repeated()
    grant_type = asking.form.need("grant_type")
    if grant_type not in GRANTS:
        raise UnsupportedGrantType("The grant type is not one of those in the metadata.")
    client = await authenticate(desk.session, asking, now=desk.now)
    check_resource(asking.form.get("resource"), desk.settings.base_url)
    return await GRANTS[grant_type](desk, asking, client)


async def _client_credentials(desk: Desk, asking: Asking, client: Client | None) -> Answer:
    if client is None:
        raise UnauthorizedClientError("A public client has no credentials of its own.")
    scope = granted(asking.form.get("scope"), client.scopes)
    grant = Grant(client.client_id, client.client_id, client.department, scope, client.generation)
    token = desk.sign(grant)
    actor = Actor("client", client.client_id, client.department)
    _record(desk, actor, token, scope, "client_credentials")
    return _answer(desk, token, scope)


async def _authorization_code(
    desk: Desk, asking: Asking, client: Client | None
) -> Answer | OAuth2Error:
    _only_public(client)
    form, now = asking.form, desk.now
    code = await store.get_code(desk.session, opaque.digest(form.need("code")))
    verifier, redirect_uri = form.need("code_verifier"), form.need("redirect_uri")
    if code is None:
        return InvalidGrantError(CODE_UNUSABLE)
    if not await store.use_code(desk.session, code.digest, now):
        return await _reused(desk, code.person_id, code.family, CODE_UNUSABLE)
    fits = redirect_uri == code.redirect_uri and _proves(verifier, code.code_challenge)
    person = await _person(desk, code.person_id, code.generation)
    if code.expires_at <= now or not fits or person is None:
        return InvalidGrantError(CODE_UNUSABLE)
    ends_at = now + timedelta(seconds=desk.settings.refresh_token_seconds)
    return await _staff_tokens(desk, person, code.family, code.scope, code.scope, ends_at)


def _proves(verifier: str, challenge: str) -> bool:
    return verifier.isascii() and create_s256_code_challenge(verifier) == challenge


async def _refresh_token(desk: Desk, asking: Asking, client: Client | None) -> Answer | OAuth2Error:
    _only_public(client)
    digest = opaque.digest(asking.form.need("refresh_token"))
    old = await store.get_refresh(desk.session, digest)
    if old is None or old.expires_at <= desk.now:
        return InvalidGrantError(REFRESH_UNUSABLE)
    scope = granted(asking.form.get("scope"), old.scope.split())
    if not await store.use_refresh(desk.session, digest, desk.now):
        return await _reused(desk, old.person_id, old.family, REFRESH_UNUSABLE)
    person = await _person(desk, old.person_id, old.generation)
    if person is None:
        return InvalidGrantError(REFRESH_UNUSABLE)
    return await _staff_tokens(desk, person, old.family, old.scope, scope, old.expires_at)


def _only_public(client: Client | None) -> None:
    if client is not None:
        raise UnauthorizedClientError("The grant is for people, by way of shuyuan-cli.")


async def _person(desk: Desk, person_id: str, generation: int) -> Person | None:
    """Return the person unless anything ended what was granted to the generation."""
    person = await people.get(desk.session, person_id)
    if person is None or person.status != "active" or person.generation != generation:
        return None
    department = await departments.get(desk.session, person.department)
    return person if department and department.status == "active" else None


async def _reused(desk: Desk, person_id: str, family: str, why: str) -> OAuth2Error:
    """Somebody holds a copy: nobody can tell who, so the whole family ends (RFC 9700 4.14)."""
    actor = Actor("person", person_id)
    if await families.end(desk.session, actor, family, desk.now, reason="reused"):
        audit.record(desk.session, actor, AuthEvent.TOKEN_REUSED, "family", family)
    return InvalidGrantError(why)


async def _staff_tokens(
    desk: Desk, person: Person, family: str, allowed: str, scope: str, ends_at: datetime
) -> Answer:
    """Issue an access token of `scope` and the next refresh token of the family."""
    client_id = public_client.CLIENT_ID
    token = desk.sign(Grant(person.id, client_id, person.department, scope, person.generation))
    refresh = opaque.new()
    row = RefreshToken(
        digest=opaque.digest(refresh),
        family=family,
        person_id=person.id,
        generation=person.generation,
        client_id=client_id,
        scope=allowed,
        expires_at=ends_at,
        access_jti=token.jti,
        access_expires_at=token.expires_at,
    )
    await store.add_refresh(desk.session, row)
    _record(desk, Actor("person", person.id, person.department), token, scope, "staff")
    return {**_answer(desk, token, scope), "refresh_token": refresh}


def _answer(desk: Desk, token: AccessToken, scope: str) -> Answer:
    return {
        "access_token": token.text,
        "token_type": "Bearer",
        "expires_in": desk.settings.access_token_seconds,
        "scope": scope,
    }


def _record(desk: Desk, actor: Actor, token: AccessToken, scope: str, grant: str) -> None:
    details = {"scope": scope, "grant": grant, "expires_at": token.expires_at}
    audit.record(desk.session, actor, AuthEvent.TOKEN_ISSUED, "token", token.jti, **details)


GRANTS: Mapping[str, Callable[[Desk, Asking, Client | None], Awaitable[Answer | OAuth2Error]]] = {
    "client_credentials": _client_credentials,
    "authorization_code": _authorization_code,
    "refresh_token": _refresh_token,
}
