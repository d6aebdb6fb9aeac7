"""Reads an access token: who signed it, for whom, until when (RFC 9068 section 4); pure."""

from dataclasses import dataclass
from typing import Any, Literal

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from auth.errors import TokenInvalid
from auth.issuing import ALGORITHM, TYPE

# Ours have about 700 bytes; what is longer is not worth a hash and a signature check.
TOKEN_MAX = 4096
UNREADABLE = (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says; only its signature makes it true."""

    kind: Literal["person", "client"]
    subject: str
    client_id: str
    department: str
    scopes: frozenset[str]
    generation: int
    jti: str
    issued_at: int
    expires_at: int


def named_key(token: bytes) -> str:
    """Return the name of the key; raises TokenInvalid for anything but our kind of token."""
    if len(token) > TOKEN_MAX:
        raise TokenInvalid
    try:
        header = jws.extract_compact(token).headers()
    except UNREADABLE as error:
        raise TokenInvalid from error
    kid = header.get("kid")
    ours = header.get("typ") == TYPE and header.get("alg") == ALGORITHM
    if not (ours and isinstance(kid, str)):
        raise TokenInvalid
    return kid


def read(token: bytes, key: ECKey, issuer: str) -> Claims:
    """Check signature, issuer and audience; the caller checks the time. Raises TokenInvalid."""
    try:
        said = jwt.decode(token, key, algorithms=[ALGORITHM]).claims
        if said["iss"] != issuer or said["aud"] != issuer:
            raise TokenInvalid
        return _claims(said)
    except UNREADABLE as error:
        raise TokenInvalid from error


def _claims(said: dict[str, Any]) -> Claims:
    return Claims(
        kind="client" if said["sub"] == said["client_id"] else "person",
        subject=str(said["sub"]),
        client_id=str(said["client_id"]),
        department=str(said["dept"]),
        scopes=frozenset(said["scope"].split()),
        generation=int(said["gen"]),
        jti=str(said["jti"]),
        issued_at=int(said["iat"]),
        expires_at=int(said["exp"]),
    )
