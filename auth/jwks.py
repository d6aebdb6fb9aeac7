"""Public keys that a client registers for `private_key_jwt` (RFC 7517, 7518); pure."""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key

from kernel.errors import FieldErrors

KEYS_MAX = 10
# Of a set as it is sent: keys of other kinds are left out, but somebody has to read them.
SENT_MAX = 50
MODULUS_BITS = range(2048, 8193)
# FIPS 186-5 section 5.4: odd, above 2^16, at most 256 bits.
EXPONENT_MIN, EXPONENT_BITS_MAX = 65537, 256
NAME_MAX = 256
ALGORITHMS_OF: Mapping[str, tuple[str, ...]] = {"EC": ("ES256",), "RSA": ("RS256", "PS256")}
ALGORITHMS = ("ES256", "PS256", "RS256")
# What is kept of a key; everything else, certificates too, is left out.
KNOWN = {"EC": ("crv", "x", "y"), "RSA": ("n", "e")}
PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def usable(jwks: Mapping[str, Any], errors: FieldErrors) -> dict[str, Any] | None:
    """Return the set with the keys and members that are used here; None with errors added.

    Keys of types and uses that are not ours are left out (RFC 7517 section 5); 1 to 10 must
    remain: EC on P-256, or RSA of 2048 to 8192 bits. Private keys are refused.
    """
    keys = jwks.get("keys")
    if not isinstance(keys, list) or not 0 < len(keys) <= SENT_MAX:
        _add_count(errors)
        return None
    before = len(errors.found)
    kept = [key for index, data in enumerate(keys) if (key := _kept(data, index, errors))]
    _check_names(kept, errors)
    if len(errors.found) == before and not 0 < len(kept) <= KEYS_MAX:
        _add_count(errors)
    return None if len(errors.found) > before else {"keys": kept}


def _add_count(errors: FieldErrors) -> None:
    errors.add(
        "jwks.keys",
        "wrong_type",
        "须含 1 至 10 个可用公钥：P-256 椭圆曲线，或 2048 至 8192 位 RSA",
        "must hold 1 to 10 usable public keys: EC on P-256, or RSA of 2048 to 8192 bits",
    )


def _kept(data: object, index: int, errors: FieldErrors) -> dict[str, Any] | None:
    """Return the known members of a key, None for one that is of no use or wrong."""
    path = f"jwks.keys[{index}]"
    if not isinstance(data, dict) or not isinstance(data.get("kty"), str):
        errors.add(path, "wrong_type", "不是 JWK", "is not a JWK")
        return None
    if not PRIVATE.isdisjoint(data):
        errors.add(path, "pattern", "不得包含私钥", "must not hold a private key")
        return None
    if data["kty"] not in KNOWN or not _is_for_us(data):
        return None
    key = {name: data[name] for name in KNOWN[data["kty"]] if name in data}
    named = {name: data[name] for name in ("kid", "alg") if name in data}
    if not _is_sound(data["kty"], key) or not _is_named(named):
        errors.add(
            path,
            "pattern",
            "须为 P-256 椭圆曲线公钥或 2048 至 8192 位的 RSA 公钥",
            "must be a public key: EC on P-256, or RSA of 2048 to 8192 bits",
        )
        return None
    return {"kty": data["kty"], **key, **named}


def _is_for_us(data: Mapping[str, Any]) -> bool:
    """Whether the key may verify signatures of an algorithm that is taken here."""
    curve = data["kty"] != "EC" or data.get("crv") == "P-256"
    use = data.get("use", "sig") == "sig"
    operations = data.get("key_ops", ["verify"])
    verifies = isinstance(operations, list) and "verify" in operations
    return curve and use and verifies and data.get("alg", ALGORITHMS[0]) in ALGORITHMS


def _is_named(named: Mapping[str, Any]) -> bool:
    kid = named.get("kid", "1")
    return isinstance(kid, str) and 0 < len(kid) <= NAME_MAX and "\x00" not in kid


def _is_sound(kty: str, key: Mapping[str, Any]) -> bool:
    if kty == "RSA" and not _is_fair_rsa(key):
        return False
    try:
        JWKRegistry.import_key({"kty": kty, **key})
    except (JoseError, ValueError, TypeError, AttributeError, KeyError):
        return False
    return True


def _is_fair_rsa(key: Mapping[str, Any]) -> bool:
    """Bound a key before anything computes with it: a long one makes every check slow."""
    modulus, exponent = _number(key.get("n")), _number(key.get("e"))
    return (
        modulus.bit_length() in MODULUS_BITS
        and exponent >= EXPONENT_MIN
        and exponent.bit_length() <= EXPONENT_BITS_MAX
        and exponent % 2 == 1
    )


def _number(text: object) -> int:
    """Return a Base64urlUInt (RFC 7518 section 2), 0 for what is none."""
    if not isinstance(text, str) or len(text) > MODULUS_BITS.stop // 4:
        return 0
    try:
        return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
    except (binascii.Error, ValueError):
        return 0


def _check_names(keys: Sequence[Mapping[str, Any]], errors: FieldErrors) -> None:
    """A `kid` names one key: of two, one would never be tried."""
    names = [key["kid"] for key in keys if "kid" in key]
    if len(set(names)) < len(names):
        errors.add("jwks.keys", "duplicate", "kid 重复", "hold a kid twice")


def fitting(jwks: Mapping[str, Any], alg: str, kid: str | None) -> Iterator[Key]:
    """Return the keys that may have signed: those of the name, or without one, for `alg`.

    An assertion without `kid` may be of any of them; a key without `kid` answers to every name.
    """
    for data in jwks["keys"]:
        named = kid is None or data.get("kid") in (None, kid)
        if named and alg in ALGORITHMS_OF.get(data["kty"], ()) and data.get("alg", alg) == alg:
            yield JWKRegistry.import_key(data)
