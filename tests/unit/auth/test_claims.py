"""Tokens that were forged, altered, or meant for somebody else."""

import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from auth import claims
from auth.errors import TokenInvalid
from auth.issuing import TYPE, TokenGrant, sign

ISSUER = "https://exchange.example"
NOW = datetime.now(UTC)
KEY = ECKey.generate_key("P-256", auto_kid=True)
OTHER = ECKey.generate_key("P-256", {"kid": str(KEY.kid)})
GRANT = TokenGrant("person-1", "shuyuan-cli", "dept", "admin catalog:read", 3)
HEADER = {"alg": "ES256", "typ": TYPE, "kid": str(KEY.kid)}


def _good() -> bytes:
    return sign(KEY, ISSUER, GRANT, seconds=60, now=NOW).text.encode()


def _said(**changed: object) -> dict[str, Any]:
    payload = jwt.decode(_good(), KEY, algorithms=["ES256"]).claims
    return {**payload, **changed}


def _part(value: object) -> bytes:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


def _read(token: bytes) -> claims.Claims:
    assert claims.named_key(token) == KEY.kid
    return claims.read(token, KEY, ISSUER)


def test_a_token_says_what_it_was_issued_for() -> None:
    said = _read(_good())
    assert (said.kind, said.subject, said.client_id) == ("person", "person-1", "shuyuan-cli")
    assert (said.department, said.generation) == ("dept", 3)
    assert said.scopes == {"admin", "catalog:read"}
    assert said.expires_at - said.issued_at == 60


def test_a_client_is_its_own_subject() -> None:
    token = sign(KEY, ISSUER, TokenGrant("c", "c", "dept", "", 1), seconds=60, now=NOW)
    assert _read(token.text.encode()).kind == "client"


def test_every_token_has_its_own_jti() -> None:
    assert len({_read(_good()).jti for _ in range(100)}) == 100


def test_a_token_without_signature_is_refused() -> None:
    for signature in (b"", b"AAAA"):
        token = b".".join([_part({**HEADER, "alg": "none"}), _part(_said()), signature])
        with pytest.raises(TokenInvalid):
            _read(token)


def test_the_public_key_is_no_shared_secret() -> None:
    """The classic confusion of HS256 and a public key, in each form that key travels in."""
    public = ECKey.import_key(KEY.as_dict(private=False))
    for secret in (public.as_pem(private=False), json.dumps(public.as_dict()).encode()):
        key = OctKey.import_key(secret.replace(b"-----", b"").strip())
        token = jwt.encode({**HEADER, "alg": "HS256"}, _said(), key, algorithms=["HS256"])
        with pytest.raises(TokenInvalid):
            _read(token.encode())


def test_another_key_of_the_same_name_does_not_sign_for_us() -> None:
    with pytest.raises(TokenInvalid):
        _read(jwt.encode(HEADER, _said(), OTHER).encode())


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"], "exp": 1},
        {"jku": "https://evil.example"},
        {"typ": "JWT"},
        {"typ": "at+JWT"},
        {"typ": None},
        {"kid": None},
        {"kid": 7},
        {"alg": "ES512"},
    ],
)
def test_only_access_tokens_of_our_algorithm_are_read(header: dict[str, Any]) -> None:
    merged = {k: v for k, v in {**HEADER, **header}.items() if v is not None}
    with pytest.raises(TokenInvalid):
        claims.named_key(b".".join([_part(merged), _part(_said()), b"AAAA"]))


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://other.example"},
        {"aud": "https://other.example"},
        {"aud": ["https://other.example"]},
        {"sub": None, "client_id": 5, "scope": None},
        {"exp": "soon"},
        {"exp": str(int(NOW.timestamp()) + 60)},
        {"exp": NOW.timestamp() + 60.5},
        {"exp": float("inf")},
        {"exp": True},
        {"exp": 10**400},
        {"exp": int(NOW.timestamp()) + 2 * claims.LIFE_SECONDS_MAX},
        {"iat": int(NOW.timestamp()) + 3600},
        {"nbf": int(NOW.timestamp()) - 60},
        {"gen": None},
        {"gen": "3"},
        {"gen": 3.0},
        {"dept": 5},
        {"jti": ["a"]},
        {"sub": "a\x00"},
    ],
)
def test_a_token_for_or_from_another_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(TokenInvalid):
        _read(jwt.encode(HEADER, _said(**changed), KEY).encode())


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "client_id", "dept", "gen", "jti", "exp"])
def test_a_token_without_a_claim_is_refused(name: str) -> None:
    said = _said()
    del said[name]
    with pytest.raises(TokenInvalid):
        _read(jwt.encode(HEADER, said, KEY).encode())


def test_a_changed_claim_breaks_the_signature() -> None:
    head, _, signature = _good().split(b".")
    with pytest.raises(TokenInvalid):
        _read(b".".join([head, _part(_said(dept="another")), signature]))


def test_a_very_long_token_is_not_even_hashed() -> None:
    with pytest.raises(TokenInvalid):
        claims.named_key(_good() + b"A" * claims.TOKEN_MAX)


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode("utf-8")))
def test_nothing_that_arrives_breaks_the_reader(token: bytes) -> None:
    with pytest.raises(TokenInvalid):
        claims.read(token, KEY, ISSUER)
    with pytest.raises(TokenInvalid):
        claims.named_key(token)


@given(st.integers(0, 500), st.integers(0, 255))
def test_no_altered_byte_goes_unseen(place: int, byte: int) -> None:
    token = bytearray(_good())
    place %= len(token)
    if token[place] == byte:
        return
    token[place] = byte
    altered = bytes(token)
    try:
        said = claims.read(altered, KEY, ISSUER)
    except TokenInvalid:
        return
    # Base64 has spare bits in the last place of a part: other letter, same bytes, same meaning.
    assert said.expires_at == int((NOW.replace(microsecond=0) + timedelta(seconds=60)).timestamp())
