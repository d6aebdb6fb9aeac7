"""Assertions that clients sign (RFC 7523 section 3, RFC 7519); pure."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError

from auth import jwks
from auth.jwks import ALGORITHMS
from auth.oauth.errors import InvalidClient

LENGTH_MAX = 8192
SECONDS_MAX = 600
SKEW_SECONDS = 60
JTI_MAX = 256
# Seconds since 1970; NaN and the infinities are not below it either.
TIME_MAX = 1e12
HEADER = frozenset({"alg", "kid", "typ", "x5t", "x5t#S256", "cty"})
UNREADABLE = (
    JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Named:
    """Which client and key an assertion names, before anything of it is believed."""

    client_id: str
    alg: str
    kid: str | None


@dataclass(frozen=True, slots=True)
class Assertion:
    """What a verified assertion says beside its client."""

    jti: str
    expires_at: datetime


def named(assertion: str) -> Named:
    """Read whom the assertion names; raises InvalidClient."""
    if len(assertion) > LENGTH_MAX:
        raise InvalidClient("断言过长", "The assertion is too long.")
    try:
        found = jws.extract_compact(assertion.encode())
        header, client_id = found.headers(), json.loads(found.payload)["iss"]
    except UNREADABLE as error:
        raise InvalidClient("断言无法读取", "The assertion cannot be read.") from error
    if not isinstance(client_id, str) or "\x00" in client_id:
        raise InvalidClient("断言未指明客户端", "The assertion names no client.")
    alg, kid = header.get("alg"), header.get("kid")
    if alg not in ALGORITHMS or not HEADER.issuperset(header):
        raise InvalidClient(
            "断言的签名算法或头部不受支持", "The header of the assertion is not one that is taken."
        )
    if kid is not None and not isinstance(kid, str):
        raise InvalidClient("断言的 kid 不是字符串", "The kid of the assertion is not text.")
    return Named(client_id, alg, kid)


def verified(
    assertion: str,
    named_: Named,
    keys: Mapping[str, Any],
    audiences: Collection[str],
    now: datetime,
) -> Assertion:
    """Check signature, subject, audience, time; raises InvalidClient, which says what is wrong."""
    claims = _signed_claims(assertion, named_, keys)
    if claims.get("sub") != named_.client_id or not _is_for_us(claims.get("aud"), audiences):
        raise InvalidClient(
            "断言的 sub 或 aud 不正确", "The assertion has another subject or audience."
        )
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= JTI_MAX or "\x00" in jti:
        raise InvalidClient("断言没有可用的 jti", "The assertion has no usable jti.")
    return Assertion(jti, _end(claims, now.timestamp()))


def _signed_claims(assertion: str, named_: Named, keys: Mapping[str, Any]) -> dict[str, Any]:
    tried = False
    for key in jwks.fitting(keys, named_.alg, named_.kid):
        tried = True
        try:
            return jwt.decode(assertion, key, algorithms=[named_.alg]).claims
        except UNREADABLE:
            continue
    if not tried:
        raise InvalidClient(
            "没有与断言的 kid 和 alg 相符的已登记公钥",
            "No registered key has the kid and fits the alg of the assertion.",
        )
    raise InvalidClient("断言的签名不正确", "The signature of the assertion is wrong.")


def _is_for_us(audience: object, audiences: Collection[str]) -> bool:
    """Whether every audience is one of ours: with a stranger's it could be replayed here."""
    listed = audience if isinstance(audience, list) else [audience]
    return bool(listed) and all(isinstance(one, str) and one in audiences for one in listed)


def _end(claims: Mapping[str, Any], at: float) -> datetime:
    starts = max(_time(claims.get("nbf", 0)), _time(claims.get("iat", 0)))
    ends = _time(claims.get("exp"))
    if starts > at + SKEW_SECONDS:
        raise InvalidClient("断言尚未生效，请检查时钟", "The assertion is not valid yet.")
    if ends <= at:
        raise InvalidClient("断言已过期", "The assertion has expired.")
    if ends > at + SECONDS_MAX:
        raise InvalidClient(
            f"断言有效期超过 {SECONDS_MAX} 秒",
            f"The assertion lives longer than {SECONDS_MAX} seconds.",
        )
    return datetime.fromtimestamp(ends, UTC)


def _time(value: object) -> float:
    """Return a NumericDate (RFC 7519 section 2); raises InvalidClient for anything else."""
    # Bounded before a float is made of it: an integer may have a thousand digits.
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < TIME_MAX:
        return float(value)
    raise InvalidClient("断言的时间不是数值", "The assertion has a time that is not a number.")
