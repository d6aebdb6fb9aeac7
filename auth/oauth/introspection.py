"""What a resource server may learn of a token (RFC 7662), and how a token is given back (7009)."""

from datetime import UTC, datetime
from typing import Any

from auth import failures, opaque, revocations
from auth.claims import Claims
from auth.oauth import families
from auth.oauth.client_authentication import UNKNOWN, Asking, authenticate
from auth.oauth.errors import InvalidClient
from auth.principal import Principal
from auth.store import people
from auth.store import tokens as store
from auth.tables import Client
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
    client = await authenticated(database, asking, now)
    if client is None:
        raise InvalidClient(
            "须由有凭据的客户端查询", "Introspection needs a client with credentials."
        )
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
    client = await authenticated(database, asking, now)
    client_id = client.client_id if client else asking.form.get("client_id")
    async with database.transaction() as session:
        if said is None and client is None:
            await _revoke_refresh(session, token.decode(), now)
        elif said is not None and said.client_id == client_id:
            await _revoke_access(session, said)


async def authenticated(database: Database, asking: Asking, now: datetime) -> Client | None:
    """Authenticate the client, and tell the audit log of a refusal; raises OAuth2Error."""
    try:
        return await authenticate(database, asking, now=now)
    except InvalidClient as error:
        actor = error.facts.get("actor", UNKNOWN)
        assert isinstance(actor, Actor)  # noqa: S101 - narrows a fact
        reason = error.description
        await failures.tell_refusal(database, actor, asking.source, error.error, reason, now)
        raise


def _token(asking: Asking) -> bytes:
    asking.form.refuse_repeated()
    return asking.form.need("token").encode()


async def _revoke_refresh(session: WriteSession, token: str, now: datetime) -> None:
    found = await store.get_refresh(session, opaque.digest(token))
    if found is not None:
        # A refresh at the same time goes first or finds its family ended.
        await people.lock(session, found.person_id)
        actor = Actor("person", found.person_id)
        await families.end(session, actor, found.family, now, reason="revoked")


async def _revoke_access(session: WriteSession, said: Claims) -> None:
    actor = Actor(said.kind, said.subject, said.department)
    ends_at = datetime.fromtimestamp(said.expires_at, UTC)
    await revocations.revoke(session, actor, said.jti, ends_at)
