"""Public keys that a client may register."""

from base64 import urlsafe_b64encode
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from auth import jwks
from kernel.errors import FieldErrors


def _public(key: ECKey | RSAKey | OKPKey) -> dict[str, Any]:
    return dict(key.as_dict(private=False))


EC = ECKey.generate_key("P-256", auto_kid=True)
RSA = RSAKey.generate_key(2048, auto_kid=True)


def _checked(keys: object) -> tuple[dict[str, Any] | None, list[str]]:
    errors = FieldErrors()
    kept = jwks.usable({"keys": keys}, errors)
    return kept, [error.code for error in errors.found]


def _refused(keys: object) -> bool:
    kept, codes = _checked(keys)
    assert bool(codes) is (kept is None)
    return bool(codes)


def test_ec_on_p256_and_rsa_of_2048_bits_are_taken() -> None:
    assert not _refused([_public(EC), _public(RSA)])


@pytest.mark.parametrize(
    "keys",
    [
        None,
        [],
        {},
        ["key"],
        [None],
        [{}],
        [{"kty": "oct"}],
        [{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}],
        [{"kty": "EC", "crv": "P-256", "x": 5, "y": None}],
        [{"kty": "RSA", "n": 5, "e": "AQAB"}],
        [dict(EC.as_dict(private=True))],
        [dict(OctKey.generate_key(256).as_dict())],
        [_public(ECKey.generate_key("P-384"))],
        [_public(OKPKey.generate_key("Ed25519"))],
        [_public(EC) | {"kid": str(number)} for number in range(11)],
        [_public(EC) | {"kid": 7}],
        [_public(EC) | {"kid": "a\x00"}],
        [_public(EC) | {"use": "enc"}],
        [_public(EC) | {"key_ops": ["encrypt"]}],
        [_public(EC) | {"alg": "ES512"}],
    ],
)
def test_private_weak_shared_and_broken_keys_are_not(keys: object) -> None:
    assert _refused(keys)


def _number(value: int) -> str:
    text = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return urlsafe_b64encode(text).decode().rstrip("=")


@pytest.mark.parametrize(
    "changed",
    [
        {"n": "w7Zdfmece8iaB0kiTY8p"},
        {"n": "w" * 1367},
        {"n": "A" * 200 + _number(2**1023 + 1)},
        {"n": _number(2**2047 - 1)},
        {"e": "A" * 300},
        {"e": 65537},
        {"e": _number(3)},
        {"e": _number(65538)},
        {"e": _number(2**300 + 1)},
    ],
)
def test_an_rsa_key_that_is_short_or_slow_is_not_taken(changed: dict[str, Any]) -> None:
    """A modulus of 1024 bits behind zeros, and an exponent of 3, were taken by their length."""
    assert _refused([_public(RSA) | changed])


def test_keys_of_other_kinds_are_left_out_and_do_not_spoil_a_set() -> None:
    """One key of a type that nobody knew made the whole set unusable (RFC 7517 section 5)."""
    others = [
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"},
        _public(OKPKey.generate_key("Ed25519")),
        _public(ECKey.generate_key("P-384")),
        _public(EC) | {"use": "enc", "kid": "enc"},
    ]
    kept, codes = _checked([*others, _public(EC)])
    assert not codes
    assert kept is not None
    assert [key["kid"] for key in kept["keys"]] == [EC.kid]
    assert _refused(others)


def test_only_members_that_are_known_are_kept() -> None:
    """A megabyte of anything once lay in the database with the set, and in every list of it."""
    kept, _ = _checked([_public(EC) | {"x5c": ["A" * 100_000], "note": "x" * 100_000}])
    assert kept == {"keys": [_public(EC)]}


def test_one_name_is_of_one_key() -> None:
    assert _checked([_public(EC), _public(RSA) | {"kid": EC.kid}])[1] == ["duplicate"]


def _fitting(keys: list[dict[str, Any]], alg: str, kid: str | None) -> list[object]:
    return [key.kid for key in jwks.fitting({"keys": keys}, alg, kid)]


def test_an_assertion_without_a_name_is_tried_with_the_keys_of_its_algorithm() -> None:
    """Two keys and no `kid` were refused, and with one key each `kid` passed (RFC 7515 4.1.4)."""
    other = ECKey.generate_key("P-256", auto_kid=True)
    keys = [_public(EC), _public(RSA), _public(other)]
    assert _fitting(keys, "ES256", None) == [EC.kid, other.kid]
    assert _fitting(keys, "RS256", None) == _fitting(keys, "PS256", str(RSA.kid)) == [RSA.kid]
    assert _fitting(keys, "ES256", str(other.kid)) == [other.kid]
    assert not _fitting(keys, "RS256", str(EC.kid))
    assert not _fitting([_public(EC)], "ES256", "another")


def test_a_key_without_a_name_answers_to_all_and_one_for_an_algorithm_to_that_one() -> None:
    unnamed = {name: value for name, value in _public(RSA).items() if name != "kid"}
    assert len(_fitting([unnamed], "RS256", "whatever")) == 1
    assert not _fitting([unnamed | {"alg": "PS256"}], "RS256", None)
