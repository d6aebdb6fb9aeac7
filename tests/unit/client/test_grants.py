"""Assertions of private keys are such as another library verifies."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from shuyuan_client.failures import Failure
from shuyuan_client.grants import with_key, with_secret

Private = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def pem(key: Private) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ec.generate_private_key(ec.SECP256R1()), "ES256"),
        (rsa.generate_private_key(65537, 2048), "RS256"),
    ],
)
def test_an_assertion_names_client_audience_and_key(key: Private, algorithm: str) -> None:
    kind = ECKey if algorithm == "ES256" else RSAKey
    form, basic = with_key("client", pem(key), "k1").form("https://exchange.example/")
    token = jwt.decode(form["client_assertion"], kind.import_key(pem(key)), algorithms=[algorithm])
    assert basic is None
    assert token.header == {"typ": "JWT", "alg": algorithm, "kid": "k1"}
    assert token.claims["iss"] == token.claims["sub"] == "client"
    assert token.claims["aud"] == "https://exchange.example/oauth/token"
    assert token.claims["exp"] - token.claims["iat"] == 60


@pytest.mark.parametrize("content", [b"nonsense", pem(ed25519.Ed25519PrivateKey.generate())])
def test_a_key_that_cannot_sign_is_refused(content: bytes) -> None:
    with pytest.raises(Failure, match="PEM"):
        with_key("client", content).form("https://exchange.example")


def test_secrets_are_not_shown() -> None:
    assert "hush" not in f"{with_secret('client', 'hush')!r}"
    assert "hush" not in f"{with_key('client', b'hush')!r}"
