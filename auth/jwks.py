"""Public keys that a client registers for `private_key_jwt`; pure."""

from collections.abc import Mapping
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, RSAKey

from kernel.errors import FieldErrors

KEYS_MAX = 10
RSA_BITS_MIN = 2048
RSA_BITS_MAX = 8192
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
    try:
        key = JWKRegistry.import_key(data)  # type: ignore[arg-type]
    except (JoseError, ValueError, TypeError, AttributeError, KeyError):
        return False
    if key.is_private:
        return False
    if isinstance(key, RSAKey):
        return RSA_BITS_MIN <= key.public_key.key_size <= RSA_BITS_MAX
    return isinstance(key, ECKey) and key.curve_name in CURVES


def matching(jwks: Mapping[str, Any], kid: str | None) -> Key | None:
    """Return the key that an assertion names; it need not name the only one."""
    keys = jwks["keys"]
    found = [data for data in keys if data.get("kid") == kid] if len(keys) > 1 else keys
    return JWKRegistry.import_key(found[0]) if len(found) == 1 else None
