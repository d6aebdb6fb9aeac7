"""Public keys that a client may register."""

from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from auth import jwks
from kernel.errors import FieldErrors


def _public(key: ECKey | RSAKey | OKPKey) -> dict[str, Any]:
    return dict(key.as_dict(private=False))


EC = ECKey.generate_key("P-256", auto_kid=True)
RSA = RSAKey.generate_key(2048, auto_kid=True)


def _refused(keys: object) -> bool:
    errors = FieldErrors()
    jwks.check({"keys": keys}, errors)
    return bool(errors.found)


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
        [{"kty": "RSA", "n": 5, "e": "AQAB"}],
        [dict(EC.as_dict(private=True))],
        [dict(OctKey.generate_key(256).as_dict())],
        [_public(ECKey.generate_key("P-384"))],
        [_public(OKPKey.generate_key("Ed25519"))],
        [_public(EC)] * 11,
    ],
)
def test_private_weak_shared_and_broken_keys_are_not(keys: object) -> None:
    assert _refused(keys)


@pytest.mark.parametrize(
    "changed", [{"n": "w7Zdfmece8iaB0kiTY8p"}, {"n": "w" * 1367}, {"e": "A" * 300}, {"e": 65537}]
)
def test_an_rsa_key_that_is_short_or_slow_is_not_taken(changed: dict[str, Any]) -> None:
    assert _refused([_public(RSA) | changed])


def test_the_only_key_needs_no_name() -> None:
    assert jwks.matching({"keys": [_public(EC)]}, None) is not None
    assert jwks.matching({"keys": [_public(EC)]}, "another") is not None


def test_one_of_several_must_be_named() -> None:
    both = {"keys": [_public(EC), _public(RSA)]}
    assert jwks.matching(both, None) is None
    assert jwks.matching(both, str(RSA.kid)) == RSAKey.import_key(_public(RSA))
