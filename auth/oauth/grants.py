"""The token endpoint: one function for each grant type (RFC 6749, 7636, 9700).

A refusal that must leave a trace, as a code used twice, is returned and not raised, so that its
transaction commits.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc.jwk import ECKey

from auth import failures, opaque
from auth.events import AuthEvent
from auth.issuing import AccessToken, TokenGrant, sign
from auth.oauth import families, pkce, public_client, successors
from auth.oauth.client_authentication import UNKNOWN, Asking, authenticate, current
from auth.oauth.errors import (
    AccessDenied,
    AuthorizationPending,
    ExpiredToken,
    InvalidGrantError,
    InvalidRequestError,
    OAuth2Error,
    SlowDown,
    TooManyFailures,
    UnauthorizedClientError,
    UnsupportedGrantType,
)
from auth.oauth.scopes import check_resource, granted
from auth.oauth.successors import Successors
from auth.store import departments, devices, people
from auth.store import tokens as store
from auth.tables import AuthorizationCode, Client, DeviceCode, Person, RefreshToken
from kernel import audit
from kernel.actor import Actor
from kernel.database import Database, WriteSession
from kernel.settings import Settings

Answer = dict[str, Any]
# Nobody's secret or grant was refused: what is asked for cannot be read.
UNTOLD = (
    InvalidRequestError, UnsupportedGrantType, TooManyFailures,
    # A device asks until somebody has decided; the decision itself is told.
    AuthorizationPending, SlowDown, AccessDenied, ExpiredToken,
)  # fmt: skip
# A poll that crosses the one that is answered is refused; later whoever asks holds a copy.
POLLS_CROSS = timedelta(seconds=10)
SLOWER_SECONDS, SLOWEST_SECONDS = 5, 60


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """What the endpoint needs beside the request."""

    database: Database
    successors: Successors
    settings: Settings

    async def issue(self, key: ECKey, asking: Asking, now: datetime) -> Answer:
        """Authenticate the client and answer its grant; raises OAuth2Error.

        A refusal of a secret or a grant is in the audit log, with where it came from.
        """
        try:
            return await self._issue(key, asking, now)
        except UNTOLD:
            raise
        except OAuth2Error as error:
            actor = error.facts.get("actor", UNKNOWN)
            assert isinstance(actor, Actor)  # noqa: S101 - narrows a fact
            reason = error.description
            await failures.tell_refusal(
                self.database, actor, asking.source, error.error, reason, now
            )
            raise

    async def _issue(self, key: ECKey, asking: Asking, now: datetime) -> Answer:
        asking.form.refuse_repeated()
        grant_type = asking.form.need("grant_type")
        if grant_type not in GRANTS:
            raise UnsupportedGrantType(
                "不支持该 grant_type", "The grant type is not one of those in the metadata."
            )
        client = await authenticate(self.database, asking, now=now)
        check_resource(asking.form.get("resource"), self.settings.base_url)
        async with self.database.transaction() as session:
            if client is not None:
                client = await current(session, client)
            desk = Desk(session, key, self.settings, self.successors, now)
            answered = await GRANTS[grant_type](desk, asking, client)
        if isinstance(answered, OAuth2Error):
            raise answered
        return answered


@dataclass(frozen=True, slots=True)
class Desk:
    """What one grant works with."""

    session: WriteSession
    key: ECKey
    settings: Settings
    successors: Successors
    now: datetime

    def sign(self, grant: TokenGrant) -> AccessToken:
        seconds = self.settings.access_token_seconds
        return sign(self.key, self.settings.base_url, grant, seconds=seconds, now=self.now)


async def _client_credentials(desk: Desk, asking: Asking, client: Client | None) -> Answer:
    if client is None:
        raise UnauthorizedClientError(
            "公共客户端没有自己的凭据", "A public client has no credentials of its own."
        )
    scope = granted(asking.form.get("scope"), client.scopes)
    grant = TokenGrant(
        client.client_id, client.client_id, client.department, scope, client.generation
    )
    token = desk.sign(grant)
    actor = Actor("client", client.client_id, client.department)
    _record(desk, asking, actor, token, scope, "client_credentials")
    return _answer(desk, token, scope)


async def _authorization_code(
    desk: Desk, asking: Asking, client: Client | None
) -> Answer | OAuth2Error:
    _only_public(client)
    form, now = asking.form, desk.now
    code = await store.get_code(desk.session, opaque.digest(form.need("code")))
    verifier, redirect_uri = form.need("code_verifier"), form.need("redirect_uri")
    fits = pkce.proves(verifier, code.code_challenge if code else "")
    if code is None:
        return _code_unusable(UNKNOWN_PERSON)
    person = await _locked(desk, code.person_id, code.generation)
    actor = _actor(person, code.person_id)
    if not await store.use_code(desk.session, code.digest, now):
        await _end_reused(desk, asking, actor, code.family, "code")
        return _code_unusable(actor)
    same = redirect_uri == code.redirect_uri and _asker(asking) == code.client_id
    usable = fits and same and code.expires_at > now
    if not usable or person is None:
        return _code_unusable(actor)
    first = _first_link(desk, code)
    return await _staff_tokens(desk, asking, person, first, code.scope)


async def _device_code(desk: Desk, asking: Asking, client: Client | None) -> Answer | OAuth2Error:
    _only_public(client)
    digest = opaque.digest(asking.form.need("device_code"))
    code = await devices.get(desk.session, digest)
    if code is None or code.client_id != _asker(asking):
        return _device_unusable(UNKNOWN_PERSON)
    if code.person_id is None or code.generation is None:
        return await _undecided(desk, code)
    person = await _locked(desk, code.person_id, code.generation)
    actor = _actor(person, code.person_id)
    if code.expires_at <= desk.now and code.used_at is None:
        return _device_ended()
    if not await devices.move(desk.session, digest, "approved", "used", {"used_at": desk.now}):
        used = await devices.get(desk.session, digest)
        if used is not None and used.used_at and used.used_at + POLLS_CROSS <= desk.now:
            await _end_reused(desk, asking, actor, code.family, "device_code", used.used_at)
        return _device_unusable(actor)
    if person is None:
        return _device_unusable(actor)
    return await _staff_tokens(desk, asking, person, _first_link(desk, code), code.scope)


async def _undecided(desk: Desk, asked: DeviceCode) -> OAuth2Error:
    """Say why there is no token yet, or never; who asks too soon is slowed down."""
    if asked.expires_at <= desk.now:
        return _device_ended()
    code = await devices.lock(desk.session, asked.digest)
    if code is None:
        return _device_unusable(UNKNOWN_PERSON)
    if code.status == "denied":
        return AccessDenied("该设备的登录已被拒绝", "The person refused the device.")
    interval = timedelta(seconds=code.interval_seconds)
    early = code.polled_at is not None and desk.now < code.polled_at + interval
    seconds = min(code.interval_seconds + SLOWER_SECONDS * early, SLOWEST_SECONDS)
    await devices.note_poll(desk.session, code.digest, desk.now, seconds)
    if early:
        return SlowDown("查询过于频繁，请延长间隔", "Asked too soon; wait five seconds longer.")
    return AuthorizationPending("尚未确认", "The person has not decided yet.")


def _device_ended() -> ExpiredToken:
    return ExpiredToken("设备代码已过期，请重新开始", "The device code has ended; start again.")


def _device_unusable(actor: Actor) -> InvalidGrantError:
    return InvalidGrantError(
        "设备代码未知、已使用或已失效",
        "The device code is unknown, was used, or has ended.",
        actor=actor,
    )


def _first_link(desk: Desk, code: AuthorizationCode | DeviceCode) -> "Link":
    ends_at = desk.now + timedelta(seconds=desk.settings.refresh_token_seconds)
    return Link(opaque.new(), code.family, code.scope, code.session, ends_at)


async def _refresh_token(desk: Desk, asking: Asking, client: Client | None) -> Answer | OAuth2Error:
    _only_public(client)
    presented = asking.form.need("refresh_token")
    digest = opaque.digest(presented)
    old = await store.get_refresh(desk.session, digest)
    if old is None:
        return _refresh_unusable(UNKNOWN_PERSON)
    person = await _locked(desk, old.person_id, old.generation)
    old = await store.refreshed(desk.session, old)
    actor = _actor(person, old.person_id)
    if old.expires_at <= desk.now or person is None or old.client_id != _asker(asking):
        return _refresh_unusable(actor)
    scope = granted(asking.form.get("scope"), old.scope.split())
    following = desk.successors.of(presented)
    if await store.use_refresh(desk.session, digest, desk.now):
        link = Link(following, old.family, old.scope, old.session, old.expires_at)
        return await _staff_tokens(desk, asking, person, link, scope)
    successor = await store.get_refresh(desk.session, opaque.digest(following))
    if successor is not None and successors.may_repeat(old, successor, desk.now):
        return _repeated(desk, asking, person, successor, following, scope)
    await _end_reused(desk, asking, actor, old.family, "refresh_token", old.used_at)
    return _refresh_unusable(actor)


def _repeated(
    desk: Desk,
    asking: Asking,
    person: Person,
    successor: RefreshToken,
    refresh: str,
    scope: str,
) -> Answer:
    """Answer again what was answered a moment ago: the same pair, of the same life (ADR 0021)."""
    grant = TokenGrant(person.id, successor.client_id, person.department, scope, person.generation)
    seconds = int((successor.access_expires_at - desk.now).total_seconds())
    token = sign(
        desk.key,
        desk.settings.base_url,
        grant,
        seconds=max(seconds, 1),
        now=desk.now,
        jti=successor.access_jti,
    )
    actor = Actor("person", person.id, person.department)
    _record(desk, asking, actor, token, scope, "refresh_repeated")
    answer = _answer(desk, token, scope)
    return {**answer, "expires_in": max(seconds, 1), "refresh_token": refresh}


def _asker(asking: Asking) -> str:
    """Return which public client asks; it authenticated by its name alone."""
    return asking.form.get("client_id") or ""


def _only_public(client: Client | None) -> None:
    if client is not None:
        raise UnauthorizedClientError(
            "该方式供人员经 shuyuan-cli 使用",
            "The grant is for people, by way of shuyuan-cli.",
            actor=Actor("client", client.client_id, client.department),
        )


UNKNOWN_PERSON = Actor("person", "unknown")


def _actor(person: Person | None, person_id: str) -> Actor:
    return Actor("person", person_id, person.department if person else None)


def _code_unusable(actor: Actor) -> InvalidGrantError:
    return InvalidGrantError(
        "授权码未知、已使用、已过期，或为其他请求签发",
        "The code is unknown, was used, has ended, or was issued for something else.",
        actor=actor,
    )


def _refresh_unusable(actor: Actor) -> InvalidGrantError:
    return InvalidGrantError(
        "刷新令牌未知、已使用或已过期",
        "The refresh token is unknown, was used, or has ended.",
        actor=actor,
    )


async def _locked(desk: Desk, person_id: str, generation: int) -> Person | None:
    """Lock the person, and return it unless anything ended what its generation was granted."""
    person = await people.lock(desk.session, person_id)
    if person is None or person.status != "active" or person.generation != generation:
        return None
    department = await departments.get(desk.session, person.department)
    return person if department and department.status == "active" else None


async def _end_reused(
    desk: Desk,
    asking: Asking,
    actor: Actor,
    family: str,
    what: str,
    used_at: datetime | None = None,
) -> None:
    """Somebody holds a copy: nobody can tell who, so the whole family ends (RFC 9700 4.14)."""
    if await families.end(desk.session, actor, family, desk.now, reason="reused"):
        details = {"what": what, "used_at": used_at, "source": asking.source.address}
        audit.record(desk.session, actor, AuthEvent.TOKEN_REUSED, "family", family, **details)


@dataclass(frozen=True, slots=True)
class Link:
    """The next refresh token of a family."""

    refresh: str
    family: str
    allowed: str
    session: str | None
    ends_at: datetime


async def _staff_tokens(
    desk: Desk, asking: Asking, person: Person, link: Link, scope: str
) -> Answer:
    """Issue an access token of `scope` and the next refresh token of the family."""
    client_id = _asker(asking)
    token = desk.sign(TokenGrant(person.id, client_id, person.department, scope, person.generation))
    row = RefreshToken(
        digest=opaque.digest(link.refresh),
        family=link.family,
        person_id=person.id,
        generation=person.generation,
        client_id=client_id,
        scope=link.allowed,
        session=link.session,
        expires_at=link.ends_at,
        access_jti=token.jti,
        access_expires_at=token.expires_at,
    )
    await store.add_refresh(desk.session, row)
    actor = Actor("person", person.id, person.department)
    _record(desk, asking, actor, token, scope, "staff")
    return {**_answer(desk, token, scope), "refresh_token": link.refresh}


def _answer(desk: Desk, token: AccessToken, scope: str) -> Answer:
    return {
        "access_token": token.text,
        "token_type": "Bearer",
        "expires_in": desk.settings.access_token_seconds,
        "scope": scope,
    }


def _record(
    desk: Desk, asking: Asking, actor: Actor, token: AccessToken, scope: str, grant: str
) -> None:
    details = {
        "scope": scope,
        "grant": grant,
        "expires_at": token.expires_at,
        "source": asking.source.address,
    }
    audit.record(desk.session, actor, AuthEvent.TOKEN_ISSUED, "token", token.jti, **details)


GRANTS: Mapping[str, Callable[[Desk, Asking, Client | None], Awaitable[Answer | OAuth2Error]]] = {
    "client_credentials": _client_credentials,
    "authorization_code": _authorization_code,
    "refresh_token": _refresh_token,
    public_client.DEVICE_CODE: _device_code,
}
