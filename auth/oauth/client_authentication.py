"""Proves which client asks: a secret (RFC 6749), a signed assertion (RFC 7523), or neither.

In transactions of its own: an assertion stays used although what it was sent with is refused, and
a refusal leaves its trace.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass
from datetime import datetime

from auth import failures, opaque
from auth.oauth import assertions, public_client
from auth.oauth.errors import InvalidClient, InvalidRequestError, TooManyFailures
from auth.oauth.form import Parameters
from auth.source import NOWHERE, Source
from auth.store import clients as store
from auth.store import departments
from auth.tables import Client
from kernel.actor import Actor
from kernel.database import Database, ReadSession

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
UNKNOWN = Actor("client", "unknown")


@dataclass(frozen=True, slots=True)
class Asking:
    """What came with the request, from where, and which audiences an assertion may name."""

    authorization: str | None
    form: Parameters
    audiences: frozenset[str]
    source: Source = NOWHERE


async def authenticate(database: Database, asking: Asking, *, now: datetime) -> Client | None:
    """Return the client, or None for a public one.

    Raises InvalidClient, InvalidRequestError, TooManyFailures.
    """
    assertion = asking.form.get("client_assertion")
    if asking.form.get("client_secret") is not None:
        raise InvalidRequestError(
            "client_secret 须置于 Authorization 头",
            "The client secret belongs in the Authorization header.",
        )
    if asking.authorization is not None and assertion:
        raise InvalidRequestError(
            "客户端使用了两种认证方式", "The client authenticated in two ways."
        )
    if asking.authorization is not None:
        return await _by_secret(database, asking, asking.authorization, now)
    if assertion:
        return await _by_assertion(database, asking, assertion, now)
    if asking.form.get("client_id") in public_client.IDS:
        return None
    raise InvalidClient("客户端未经认证", "The client did not authenticate.")


async def current(session: ReadSession, client: Client) -> Client:
    """Return the authenticated client as this transaction sees it; raises InvalidClient."""
    found = await store.get(session, client.client_id)
    if found is None or found.generation != client.generation:
        raise _suspended(client)
    return await _active(session, found)


async def _by_secret(
    database: Database, asking: Asking, authorization: str, now: datetime
) -> Client:
    client_id, secret = _basic(authorization)
    if asking.form.get("client_id") not in (None, client_id):
        raise _two_clients()
    async with database.reading() as session:
        client = await store.get(session, client_id)
        if client is None or not _holds(client, secret, now):
            await _refuse_wrong_secret(session, client, asking, now)
            raise InvalidClient(
                "客户端未知或密钥错误",
                "The client is unknown or its secret is wrong.",
                actor=_actor(client),
            )
        return await _active(session, client)


async def _refuse_wrong_secret(
    session: ReadSession, client: Client | None, asking: Asking, now: datetime
) -> None:
    """Raise TooManyFailures where wrong secrets of a client keep coming from one source.

    The right one is taken at any time: nobody guesses 256 bits, and a misconfigured program
    must not keep its neighbours out.
    """
    if client is None:
        return
    wait = await failures.refusal_wait(session, _actor(client), asking.source, now)
    if wait:
        raise TooManyFailures(
            "密钥错误次数过多，请更正后再试",
            "Too many wrong secrets; correct it, then try again.",
            retry_after_seconds=wait,
        )


def _holds(client: Client, secret: str, now: datetime) -> bool:
    """Whether the secret is the client's, or the one before within its overlap."""
    given = opaque.digest(secret)
    right = hmac.compare_digest(client.secret_digest or b"", given)
    until = client.previous_secret_until
    overlaps = until is not None and now < until
    previous = client.previous_secret_digest if overlaps else None
    return right or hmac.compare_digest(previous or b"", given)


def _basic(authorization: str) -> tuple[str, str]:
    """Return name and secret (RFC 7617); raises InvalidClient for anything else."""
    scheme, _, credentials = authorization.partition(" ")
    try:
        text = base64.b64decode(credentials.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        text = ""
    client_id, _, secret = text.partition(":")
    if scheme.lower() != "basic" or not client_id or not secret or "\x00" in text:
        raise InvalidClient(
            "Authorization 头不是合法的 Basic 认证", "The Authorization header is not Basic."
        )
    return client_id, secret


async def _by_assertion(
    database: Database, asking: Asking, assertion: str, now: datetime
) -> Client:
    if asking.form.get("client_assertion_type") != ASSERTION_TYPE:
        raise InvalidRequestError(
            "client_assertion_type 须为 jwt-bearer",
            "The client assertion type is not jwt-bearer.",
        )
    named = assertions.named(assertion)
    if asking.form.get("client_id") not in (None, named.client_id):
        raise _two_clients()
    async with database.reading() as session:
        client = await store.get(session, named.client_id)
        if client is None or client.jwks is None:
            raise InvalidClient(
                "客户端未知或未登记公钥",
                "The client is unknown or does not sign assertions.",
                actor=_actor(client),
            )
        await _active(session, client)
    try:
        said = assertions.verified(assertion, named, client.jwks, asking.audiences, now)
        await _use(database, client, said)
    except InvalidClient as error:
        raise InvalidClient(error.detail.zh, error.detail.en, actor=_actor(client)) from error
    return client


async def _use(database: Database, client: Client, said: assertions.Assertion) -> None:
    async with database.transaction() as session:
        if not await store.use_assertion(session, client.client_id, said.jti, said.expires_at):
            raise InvalidClient("该断言已被使用", "The assertion was used before.")


async def _active(session: ReadSession, client: Client) -> Client:
    department = await departments.get(session, client.department)
    if client.status != "active" or department is None or department.status != "active":
        raise _suspended(client)
    return client


def _suspended(client: Client) -> InvalidClient:
    return InvalidClient("客户端已停用", "The client is suspended.", actor=_actor(client))


def _two_clients() -> InvalidRequestError:
    return InvalidRequestError("请求中指明了两个客户端", "Two different clients are named.")


def _actor(client: Client | None) -> Actor:
    return UNKNOWN if client is None else Actor("client", client.client_id, client.department)
