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
# No token that is signed here lives longer (`Settings.access_token_seconds`); one that says so was
# signed by somebody else with a key of ours.
LIFE_SECONDS_MAX = 86_400
HEADER = frozenset({"alg", "typ", "kid"})
# JSON has no integer beyond that which every reader has (RFC 8259 section 6).
INTEGER_MAX = 2**53
UNREADABLE = (
    JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError,
)  # fmt: skip


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
    # `crit` names what a reader must understand (RFC 7515 section 4.1.11): we sign nothing such.
    ours = header.keys() == HEADER
    ours = ours and header.get("typ") == TYPE and header.get("alg") == ALGORITHM
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
    """Take the claims as we write them: each of its type, and nothing that would be overlooked."""
    issued_at, expires_at = _integer(said["iat"]), _integer(said["exp"])
    if "nbf" in said or not 0 < expires_at - issued_at <= LIFE_SECONDS_MAX:
        raise TokenInvalid
    subject, client_id = _text(said["sub"]), _text(said["client_id"])
    return Claims(
        kind="client" if subject == client_id else "person",
        subject=subject,
        client_id=client_id,
        department=_text(said["dept"]),
        scopes=frozenset(_text(said["scope"]).split()),
        generation=_integer(said["gen"]),
        jti=_text(said["jti"]),
        issued_at=issued_at,
        expires_at=expires_at,
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or "\x00" in value:
        raise TokenInvalid
    return value


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= INTEGER_MAX:
        raise TokenInvalid
    return value
