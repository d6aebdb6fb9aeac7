"""Verifying what the exchange pushes: Standard Webhooks 1.0, by secret (`v1`) or key (`v1a`)."""

import base64
import binascii
import hmac
import time
from collections.abc import Callable, Mapping, Sequence

from shuyuan_client.failures import Failure

PREFIX = "whsec_"
PUBLIC_PREFIX = "whpk_"
SECRET_BYTES = range(24, 65)
TOLERANCE_SECONDS = 300
# A secret that changes has two; whoever sends thousands would have the body digested as often.
SIGNATURES_MAX = 16
SECONDS_DIGITS_MAX = 15
VERSION, ASYMMETRIC = "v1", "v1a"
Check = Callable[[bytes, bytes], bool]
"""Whether content has this signature."""


class NotVerified(Failure):
    """The message is not the exchange's, not whole, or too old; nothing of it is to be read."""


class WebhookVerifier:
    """Checks the signature of a push by the endpoint's secret, or by several while one changes.

    A public key (`whpk_…`) takes a secret's place; it needs the extra `keys`.
    """

    def __init__(
        self,
        *secrets: str,
        tolerance_seconds: float = TOLERANCE_SECONDS,
        now: Callable[[], float] = time.time,
    ) -> None:
        if not secrets:
            raise Failure("须给出推送端点的密钥。", "The secret of the endpoint is needed.")
        self._checks = [_check(secret) for secret in secrets]
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
        if not message.isascii():
            raise NotVerified("标识无法读取。", "The id cannot be read.")
        self._check_moment(moment)
        self._check_signature(f"{message}.{moment}.".encode() + body, signatures.split(" "))
        return message

    def _check_moment(self, moment: str) -> None:
        is_whole = moment.isascii() and moment.isdigit()
        if not is_whole or len(moment) > SECONDS_DIGITS_MAX:
            raise NotVerified("时间戳无法读取。", "The timestamp cannot be read.")
        if abs(self._now() - int(moment)) > self._tolerance_seconds:
            raise NotVerified(
                "时间戳与本机时间相差过大；请核对时钟。",
                "The timestamp is too far from this machine's time; check the clock.",
            )

    def _check_signature(self, content: bytes, signatures: Sequence[str]) -> None:
        given = [_signature(each) for each in signatures[:SIGNATURES_MAX]]
        if not any(
            check(content, signed)
            for told, signed in given
            for version, check in self._checks
            if told == version and signed
        ):
            raise NotVerified("签名不符。", "The signature is not that of the endpoint's secret.")


def _check(secret: str) -> tuple[str, Check]:
    """Return of which version signatures are that it checks, and how."""
    if secret.startswith(PUBLIC_PREFIX):
        return ASYMMETRIC, _by_public_key(secret)
    key = _key(secret)

    def is_ours(content: bytes, signed: bytes) -> bool:
        return hmac.compare_digest(hmac.digest(key, content, "sha256"), signed)

    return VERSION, is_ours


def _by_public_key(told: str) -> Check:
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - optional
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
            Ed25519PublicKey,
        )
    except ImportError as error:
        raise Failure(
            "验证公钥签名需要附加包：pip install shuyuan-client[keys]",
            "A public key needs the extra: pip install shuyuan-client[keys]",
        ) from error
    try:
        raw = base64.b64decode(told.removeprefix(PUBLIC_PREFIX), validate=True)
        key = Ed25519PublicKey.from_public_bytes(raw)
    except (binascii.Error, ValueError) as error:
        raise _not_a_secret() from error

    def is_ours(content: bytes, signed: bytes) -> bool:
        try:
            key.verify(signed, content)
        except InvalidSignature:
            return False
        return True

    return is_ours


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
        "推送端点的密钥形如 whsec_…，公钥形如 whpk_…，请原样填写。",
        "The secret of an endpoint is whsec_…, its public key whpk_…; give it as it was told.",
    )


def _signature(told: str) -> tuple[str, bytes]:
    """Return a version and its signature, empty where it cannot be read."""
    version, _, encoded = told.partition(",")
    try:
        return version, base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return version, b""
