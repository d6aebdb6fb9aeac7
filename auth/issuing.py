"""Signs access tokens as RFC 9068 describes them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from joserfc import jwt
from joserfc.jwk import ECKey

from kernel.ids import new_id

TYPE = "at+jwt"
ALGORITHM = "ES256"


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """For whom a token is issued, and for what; a client's own token has itself as subject."""

    subject: str
    client_id: str
    department: str
    scope: str
    generation: int


@dataclass(frozen=True, slots=True)
class AccessToken:
    text: str
    jti: str
    issued_at: datetime
    expires_at: datetime


def sign(
    key: ECKey, issuer: str, grant: TokenGrant, *, seconds: int, now: datetime, jti: str = ""
) -> AccessToken:
    """Return a token that lives `seconds`; the issuer is its only audience.

    `jti` names one that was signed before, whose revocation ends this one too.
    """
    issued_at = now.replace(microsecond=0)
    expires_at = issued_at + timedelta(seconds=seconds)
    jti = jti or new_id()
    claims = {
        "iss": issuer,
        "aud": issuer,
        "sub": grant.subject,
        "client_id": grant.client_id,
        "dept": grant.department,
        "scope": grant.scope,
        "gen": grant.generation,
        "jti": jti,
        "iat": int(issued_at.timestamp()),
        "exp": int(expires_at.timestamp()),
    }
    header = {"alg": ALGORITHM, "typ": TYPE, "kid": str(key.kid)}
    return AccessToken(
        jwt.encode(header, claims, key, algorithms=[ALGORITHM]), jti, issued_at, expires_at
    )
