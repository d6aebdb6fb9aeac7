"""Verifying what the exchange pushes: Standard Webhooks 1.0, symmetric signatures (`v1`)."""

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping, Sequence

from shuyuan_client.failures import Failure

PREFIX = "whsec_"
SECRET_BYTES = range(24, 65)
TOLERANCE_SECONDS = 300
VERSION = "v1"


class NotVerified(Failure):
    """The message is not the exchange's, not whole, or too old; nothing of it is to be read."""


class WebhookVerifier:
    """Checks the signature of a push by the endpoint's secret, or by several while one changes."""

    def __init__(
        self,
        *secrets: str,
        tolerance_seconds: float = TOLERANCE_SECONDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        if not secrets:
            raise Failure("须给出推送端点的密钥。", "The secret of the endpoint is needed.")
        self._keys = [_key(secret) for secret in secrets]
        self._tolerance_seconds = tolerance_seconds
        self._now = now

    def verify(self, headers: Mapping[str, str], body: bytes) -> str:
        """Return the `webhook-id`, the same for every try of a message; raises NotVerified."""
        told = {name.lower(): value for name, value in headers.items()}
        try:
            message, moment, signatures = (
                told[f"webhook-{name}"] for name in ("id", "timestamp", "signature")
            )
        except KeyError as error:
            raise NotVerified(f"缺少标头 {error}。", f"The header {error} is missing.") from None
        self._check_moment(moment)
        self._check_signature(f"{message}.{moment}.".encode() + body, signatures.split(" "))
        return message

    def _check_moment(self, moment: str) -> None:
        if not (moment.isascii() and moment.isdigit()):
            raise NotVerified("时间戳无法读取。", "The timestamp cannot be read.")
        if abs(self._now() - int(moment)) > self._tolerance_seconds:
            raise NotVerified(
                "时间戳与本机时间相差过大；请核对时钟。",
                "The timestamp is too far from this machine's time; check the clock.",
            )

    def _check_signature(self, content: bytes, signatures: Sequence[str]) -> None:
        given = [signature for each in signatures for signature in [_signature(each)] if signature]
        expected = [hmac.new(key, content, hashlib.sha256).digest() for key in self._keys]
        if not any(hmac.compare_digest(one, other) for one in given for other in expected):
            raise NotVerified("签名不符。", "The signature is not that of the endpoint's secret.")


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _not_a_secret() from error
    if len(key) not in SECRET_BYTES:
        raise _not_a_secret()
    return key


def _not_a_secret() -> Failure:
    return Failure(
        "推送端点的密钥形如 whsec_…，请原样填写。",
        "The secret of an endpoint is whsec_…; give it as it was told.",
    )


def _signature(told: str) -> bytes:
    """Return the signature of this version, empty where it is another's or cannot be read."""
    version, _, encoded = told.partition(",")
    if version != VERSION:
        return b""
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""
