"""Public keys that a client registers for `private_key_jwt`; pure."""

from collections.abc import Mapping
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, RSAKey

from kernel.errors import FieldErrors

KEYS_MAX = 10
# 2048 to 8192 bits, and an exponent of at most 32, in base64url.
MODULUS_CHARACTERS = range(342, 1367)
EXPONENT_CHARACTERS_MAX = 6
CURVES = frozenset({"P-256"})
ALGORITHMS = ("ES256", "PS256", "RS256")


def check(jwks: Mapping[str, Any], errors: FieldErrors) -> None:
    """Require 1 to 10 public keys: EC on P-256, or RSA of 2048 to 8192 bits."""
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not 0 < len(keys) <= KEYS_MAX:
        errors.add(
            "jwks.keys", "wrong_type", "须为 1 至 10 个公钥", "must hold 1 to 10 public keys"
        )
        return
    for index, data in enumerate(keys):
        if not _usable(data):
            errors.add(
                f"jwks.keys[{index}]",
                "pattern",
                "须为 P-256 椭圆曲线公钥或 2048 位以上的 RSA 公钥",
                "must be a public key: EC on P-256 or RSA of at least 2048 bits",
            )


def _usable(data: object) -> bool:
    if not isinstance(data, dict) or (data.get("kty") == "RSA" and not _is_fair_rsa(data)):
        return False
    try:
        key = JWKRegistry.import_key(data)
    except (JoseError, ValueError, TypeError, AttributeError, KeyError):
        return False
    right = isinstance(key, RSAKey) or (isinstance(key, ECKey) and key.curve_name in CURVES)
    return right and not key.is_private


def _is_fair_rsa(data: Mapping[str, Any]) -> bool:
    """Bound a key before anything computes with it: a long one makes every check slow."""
    modulus, exponent = data.get("n"), data.get("e")
    if not (isinstance(modulus, str) and isinstance(exponent, str)):
        return False
    return len(modulus) in MODULUS_CHARACTERS and len(exponent) <= EXPONENT_CHARACTERS_MAX


def matching(jwks: Mapping[str, Any], kid: str | None) -> Key | None:
    """Return the key that an assertion names; it need not name the only one."""
    keys = jwks["keys"]
    found = [data for data in keys if data.get("kid") == kid] if len(keys) > 1 else keys
    return JWKRegistry.import_key(found[0]) if len(found) == 1 else None
