"""What a resource server may learn of a token (RFC 7662), and how a token is given back (7009)."""

from datetime import UTC, datetime
from typing import Any

from auth import opaque, revocations
from auth.claims import Claims
from auth.oauth import families, public_client
from auth.oauth.client_authentication import Asking, authenticate
from auth.oauth.errors import InvalidClient
from auth.principal import Principal
from auth.store import tokens as store
from auth.tokens import TokenVerifier
from kernel.actor import Actor
from kernel.database import Database, WriteSession
from kernel.errors import Unauthorized

INACTIVE = {"active": False}


async def introspect(
    database: Database, verifier: TokenVerifier, asking: Asking, *, now: datetime
) -> dict[str, Any]:
    """Describe a token to a client of the same department; to others it is inactive.

    Raises OAuth2Error when the client did not authenticate.
    """
    token = _token(asking)
    async with database.transaction() as session:
        client = await authenticate(session, asking, now=now)
    if client is None:
        raise InvalidClient("Introspection needs a client with credentials.")
    try:
        principal = await verifier.verify(token)
        said = await verifier.claims(token)
    except Unauthorized:
        return INACTIVE
    if principal.department != client.department:
        return INACTIVE
    return {
        **_described(principal),
        "client_id": said.client_id,
        "iat": said.issued_at,
        "iss": verifier.issuer,
        "aud": verifier.issuer,
    }


def _described(principal: Principal) -> dict[str, Any]:
    return {
        "active": True,
        "token_type": "Bearer",
        "scope": " ".join(sorted(principal.scopes)),
        "sub": principal.id,
        "dept": principal.department,
        "exp": int(principal.expires_at),
        "jti": principal.token_id,
    }


async def revoke(
    database: Database, verifier: TokenVerifier, asking: Asking, *, now: datetime
) -> None:
    """End a token of the asking client; anything else is answered alike and left alone."""
    token = _token(asking)
    try:
        said = await verifier.claims(token)
    except Unauthorized:
        said = None
    async with database.transaction() as session:
        client = await authenticate(session, asking, now=now)
        client_id = client.client_id if client else public_client.CLIENT_ID
        if said is None and client is None:
            await _revoke_refresh(session, token.decode(), now)
        elif said is not None and said.client_id == client_id:
            await _revoke_access(session, said)


def _token(asking: Asking) -> bytes:
    asking.form.refuse_repeated()
    return asking.form.need("token").encode()


async def _revoke_refresh(session: WriteSession, token: str, now: datetime) -> None:
    found = await store.get_refresh(session, opaque.digest(token))
    if found is not None:
        actor = Actor("person", found.person_id)
        await families.end(session, actor, found.family, now, reason="revoked")


async def _revoke_access(session: WriteSession, said: Claims) -> None:
    actor = Actor(said.kind, said.subject, said.department)
    ends_at = datetime.fromtimestamp(said.expires_at, UTC)
    await revocations.revoke(session, actor, said.jti, ends_at)
