"""How a client gets its token: by its secret, or by an assertion that it signs (RFC 7523)."""

import base64
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx
import msgspec

from shuyuan_client.failures import Failure

TOKEN = "/oauth/token"  # noqa: S105 - a path
ASSERTION_SECONDS = 60
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
COORDINATE_BYTES = 32


class Grant(Protocol):
    """Signs somebody in, by whatever requests that takes."""

    def __call__(self, http: httpx.Client, /) -> httpx.Response: ...


class ClientGrant(Grant, Protocol):
    """A grant of one request, which either client can send."""

    def form(self, base_url: str, /) -> tuple[Mapping[str, str], tuple[str, str] | None]:
        """Return the form of the request, and the credentials of basic authentication."""


@dataclass(frozen=True, slots=True)
class SecretGrant:
    """Client credentials with `client_secret_basic` (RFC 6749 section 4.4)."""

    client_id: str
    secret: str = field(repr=False)

    def form(self, _base_url: str) -> tuple[Mapping[str, str], tuple[str, str] | None]:
        return {"grant_type": "client_credentials"}, (self.client_id, self.secret)

    def __call__(self, http: httpx.Client) -> httpx.Response:
        form, _basic = self.form("")
        return http.post(TOKEN, data=form, auth=(self.client_id, self.secret))


@dataclass(frozen=True, slots=True)
class KeyGrant:
    """Client credentials with `private_key_jwt`: each token by a new assertion.

    `pem` is a private key, EC P-256 (ES256) or RSA (RS256); `key_id` its `kid` in the client's
    registered keys, where there are several.
    """

    client_id: str
    pem: bytes = field(repr=False)
    key_id: str | None = None

    def form(self, base_url: str) -> tuple[Mapping[str, str], tuple[str, str] | None]:
        return {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": self._assertion(f"{base_url.rstrip('/')}{TOKEN}"),
        }, None

    def __call__(self, http: httpx.Client) -> httpx.Response:
        form, _basic = self.form(str(http.base_url))
        return http.post(TOKEN, data=form)

    def _assertion(self, audience: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.client_id, "sub": self.client_id, "aud": audience,
            "jti": uuid.uuid4().hex, "iat": now, "exp": now + ASSERTION_SECONDS,
        }  # fmt: skip
        key = _private_key(self.pem)
        header = {"typ": "JWT", "alg": key.algorithm}
        if self.key_id is not None:
            header["kid"] = self.key_id
        signed = f"{_encoded(header)}.{_encoded(claims)}"
        return f"{signed}.{_base64(key.sign(signed.encode()))}"


class _Key(Protocol):
    @property
    def algorithm(self) -> str: ...

    def sign(self, content: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _Elliptic:
    key: Any
    algorithm: str = "ES256"

    def sign(self, content: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.utils import (  # noqa: PLC0415
            decode_dss_signature,
        )
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

        # JWS has both numbers one after the other (RFC 7518 section 3.4), libraries have DER.
        r, s = decode_dss_signature(self.key.sign(content, ECDSA(SHA256())))
        return r.to_bytes(COORDINATE_BYTES) + s.to_bytes(COORDINATE_BYTES)


@dataclass(frozen=True, slots=True)
class _Rsa:
    key: Any
    algorithm: str = "RS256"

    def sign(self, content: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

        return bytes(self.key.sign(content, PKCS1v15(), SHA256()))


def _private_key(pem: bytes) -> _Key:
    try:
        from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
            load_pem_private_key,
        )
    except ImportError as error:
        raise Failure(
            "私钥认证需要 cryptography：pip install 'shuyuan-client[keys]'。",
            "A private key needs cryptography: pip install 'shuyuan-client[keys]'.",
        ) from error
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError) as error:
        raise _unusable() from error
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return _Elliptic(key)
    if isinstance(key, rsa.RSAPrivateKey):
        return _Rsa(key)
    raise _unusable()


def _unusable() -> Failure:
    return Failure(
        "私钥须为未加密的 PEM，EC P-256 或 RSA。",
        "The private key must be PEM without a password, EC P-256 or RSA.",
    )


def _encoded(value: object) -> str:
    return _base64(msgspec.json.encode(value))


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def with_secret(client_id: str, secret: str) -> SecretGrant:
    return SecretGrant(client_id, secret)


def with_key(client_id: str, pem: bytes, key_id: str | None = None) -> KeyGrant:
    return KeyGrant(client_id, pem, key_id)
