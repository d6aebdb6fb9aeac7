"""Proves which client asks: a secret (RFC 6749), a signed assertion (RFC 7523), or neither."""

import hmac
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from authlib.oauth2.rfc6749.util import extract_basic_authorization
from joserfc import jws, jwt
from joserfc.errors import JoseError

from auth import jwks, opaque
from auth.jwks import ALGORITHMS
from auth.oauth import public_client
from auth.oauth.errors import InvalidClient, InvalidRequestError
from auth.oauth.form import Parameters
from auth.store import clients as store
from auth.store import departments
from auth.tables import Client
from kernel.database import WriteSession

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_MAX = 8192
ASSERTION_SECONDS_MAX = 600
SKEW_SECONDS = 60
JTI_MAX = 256
UNREADABLE = (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Asking:
    """What came with the request, and which audiences an assertion may name."""

    authorization: str | None
    form: Parameters
    audiences: frozenset[str]


async def authenticate(session: WriteSession, asking: Asking, *, now: datetime) -> Client | None:
    """Return the client, or None for the public one; raises InvalidClient, InvalidRequestError."""
    assertion = asking.form.get("client_assertion")
    if asking.form.get("client_secret") is not None:
        raise InvalidRequestError("The client secret belongs in the Authorization header.")
    if asking.authorization and assertion:
        raise InvalidRequestError("The client authenticated in two ways.")
    if asking.authorization:
        return await _by_secret(session, asking)
    if assertion:
        return await _by_assertion(session, asking, assertion, now)
    if asking.form.get("client_id") == public_client.CLIENT_ID:
        return None
    raise InvalidClient("The client did not authenticate.")


async def _by_secret(session: WriteSession, asking: Asking) -> Client:
    client_id, secret = _basic(asking.authorization)
    named = asking.form.get("client_id")
    if named not in (None, client_id):
        raise InvalidRequestError("Two different clients are named.")
    client = await store.get(session, client_id)
    known = client.secret_digest if client else None
    if client is None or not hmac.compare_digest(known or b"", opaque.digest(secret)):
        raise InvalidClient("The client is unknown or its secret is wrong.")
    return await _active(session, client)


def _basic(authorization: str | None) -> tuple[str, str]:
    try:
        client_id, secret = extract_basic_authorization({"Authorization": authorization})
    except UnicodeDecodeError:
        client_id = secret = None
    if not client_id or not secret or "\x00" in client_id:
        raise InvalidClient("The Authorization header is not Basic.")
    return client_id, secret


async def _by_assertion(
    session: WriteSession, asking: Asking, assertion: str, now: datetime
) -> Client:
    if asking.form.get("client_assertion_type") != ASSERTION_TYPE:
        raise InvalidRequestError("The client assertion type is not jwt-bearer.")
    client_id, kid = _peek(assertion)
    if asking.form.get("client_id") not in (None, client_id):
        raise InvalidRequestError("Two different clients are named.")
    client = await store.get(session, client_id)
    if client is None or client.jwks is None:
        raise InvalidClient("The client is unknown or does not sign assertions.")
    said = _verified(assertion, client.jwks, kid)
    expires_at = _check_claims(said, client_id, asking.audiences, now)
    if not await store.use_assertion(session, client_id, said["jti"], expires_at, now):
        raise InvalidClient("The assertion was used before.")
    return await _active(session, client)


def _peek(assertion: str) -> tuple[str, str | None]:
    """Return which client and key the assertion names, before anything of it is believed."""
    if len(assertion) > ASSERTION_MAX:
        raise InvalidClient("The assertion is too long.")
    try:
        found = jws.extract_compact(assertion.encode())
        client_id, kid = json.loads(found.payload)["iss"], found.headers().get("kid")
    except UNREADABLE as error:
        raise InvalidClient("The assertion cannot be read.") from error
    if not isinstance(client_id, str) or "\x00" in client_id:
        raise InvalidClient("The assertion names no client.")
    return client_id, kid if isinstance(kid, str) else None


def _verified(assertion: str, keys: Mapping[str, Any], kid: str | None) -> dict[str, Any]:
    key = jwks.matching(keys, kid)
    if key is None:
        raise InvalidClient("The assertion names no registered key.")
    try:
        return jwt.decode(assertion, key, algorithms=ALGORITHMS).claims
    except UNREADABLE as error:
        raise InvalidClient("The signature of the assertion is wrong.") from error


def _check_claims(
    said: Mapping[str, Any], client_id: str, audiences: Collection[str], now: datetime
) -> datetime:
    """Return when the assertion ends; raises InvalidClient (RFC 7523 section 3)."""
    audience = said.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if said.get("sub") != client_id or not any(aud in audiences for aud in named):
        raise InvalidClient("The assertion has another subject or audience.")
    jti = said.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= JTI_MAX or "\x00" in jti:
        raise InvalidClient("The assertion has no usable jti.")
    starts = max(_time(said.get("nbf", 0)), _time(said.get("iat", 0)))
    ends = _time(said.get("exp"))
    at = now.timestamp()
    if not at < ends <= at + ASSERTION_SECONDS_MAX or starts > at + SKEW_SECONDS:
        raise InvalidClient("The assertion is not of this time, or lives too long.")
    return datetime.fromtimestamp(ends, UTC)


def _time(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidClient("The assertion has a time that is not a number.")
    return float(value)


async def _active(session: WriteSession, client: Client) -> Client:
    department = await departments.get(session, client.department)
    if client.status != "active" or department is None or department.status != "active":
        raise InvalidClient("The client is suspended.")
    return client
