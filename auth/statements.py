"""Facts that the platform or a client signs, to be kept by others: compact JWS."""

import json
from collections.abc import Mapping
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from auth import jwks
from auth.issuing import ALGORITHM
from auth.tables import Client
from kernel.database import ReadSession
from kernel.errors import FieldErrors


def signed(key: ECKey, kind: str, facts: Mapping[str, Any]) -> str:
    """Return the statement, to be checked by `/oauth/jwks`; no token has its `typ`."""
    header = {"alg": ALGORITHM, "typ": kind, "kid": str(key.kid)}
    return jwt.encode(header, dict(facts), key, algorithms=[ALGORITHM])


async def require_signed(
    session: ReadSession, client_id: str, statement: str, facts: Mapping[str, Any]
) -> None:
    """Raise Invalid unless a key that the client registered signed these facts, or more."""
    client = await session.get(Client, client_id)
    keys = None if client is None else client.jwks
    claims = None if keys is None else verified(statement, keys)
    if claims is None or any(claims.get(name) != value for name, value in facts.items()):
        errors = FieldErrors()
        zh = "须由本客户端登记的公钥验证，且内容一致"
        errors.add("jws", "wrong_type", zh, "must say the same, by a registered key of the client")
        errors.raise_if_any()


def verified(statement: str, keys: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what a statement says that one of the keys signed, None for any other text; pure."""
    try:
        header = jws.extract_compact(statement.encode()).headers()
        alg, kid = header.get("alg"), header.get("kid")
        if alg not in jwks.ALGORITHMS or not (kid is None or isinstance(kid, str)):
            return None
        for key in jwks.fitting(keys, alg, kid):
            try:
                said = json.loads(jws.deserialize_compact(statement, key, [alg]).payload)
            except JoseError:
                continue
            return said if isinstance(said, dict) else None
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return None
