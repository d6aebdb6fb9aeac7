"""What a push says, and how it is signed: Standard Webhooks 1.0, CloudEvents 1.0; pure."""

import base64
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kernel.secretbox import mac

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what a secret begins with
PRIVATE_PREFIX: Final = "whsk_"
PUBLIC_PREFIX: Final = "whpk_"
SECRET_BYTES: Final = 32
DELIVERED: Final = "records.delivered"
AVAILABLE: Final = "records.available"
CHALLENGE: Final = "endpoint.challenge"
JSON: Final = "application/json"
EVENTS: Final = "application/cloudevents-batch+json"
# Lines are made by `projection/record.py`: a key is JSON text already.
_LINE: Final = re.compile(rb'\{"op":"(upsert|delete)","key":("(?:[^"\\]|\\.)*")')


class Format(StrEnum):
    WEBHOOK = "webhook"
    CLOUDEVENTS = "cloudevents"


class Signature(StrEnum):
    """How messages are signed: by a secret that both know, or by a key that only one has."""

    V1 = "v1"
    V1A = "v1a"


def new_secret(signature: str = Signature.V1) -> str:
    """Return a secret as receivers configure it, `whsec_…`, or a private key, `whsk_…`."""
    if signature == Signature.V1A:
        key = Ed25519PrivateKey.generate()
        pair = key.private_bytes_raw() + key.public_key().public_bytes_raw()
        return PRIVATE_PREFIX + base64.b64encode(pair).decode()
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signature_of(secret: str) -> Signature:
    return Signature.V1A if secret.startswith(PRIVATE_PREFIX) else Signature.V1


def public_key(secret: str) -> str | None:
    """Return the key that verifies, `whpk_…`; None where the receiver has the secret itself."""
    if signature_of(secret) is Signature.V1:
        return None
    pair = base64.b64decode(secret.removeprefix(PRIVATE_PREFIX))
    return PUBLIC_PREFIX + base64.b64encode(pair[SECRET_BYTES:]).decode()


def batch_id(key: bytes, subscription_id: str, topic_id: bytes, place: tuple[int, int, int]) -> str:
    """Return the `webhook-id` of a batch: the same for each try, and telling nothing.

    `place` is the partition, the first offset and the one behind the last.
    """
    numbers = b"".join(number.to_bytes(8, "big") for number in place)
    digest = mac(key, b"webhook-id", subscription_id.encode(), topic_id, numbers)
    return f"msg_{digest.hex()}"


def headers(
    message_id: str, at: datetime, body: bytes, signing: Sequence[str], media_type: str
) -> list[tuple[str, str]]:
    """Return the headers of one attempt, signed with each of the secrets."""
    timestamp = str(int(at.timestamp()))
    signatures = " ".join(_signature(secret, message_id, timestamp, body) for secret in signing)
    return [
        ("Content-Type", media_type),
        ("Content-Length", str(len(body))),
        ("webhook-id", message_id),
        ("webhook-timestamp", timestamp),
        ("webhook-signature", signatures),
    ]


def _signature(secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    content = f"{message_id}.{timestamp}.".encode() + body
    if signature_of(secret) is Signature.V1A:
        pair = base64.b64decode(secret.removeprefix(PRIVATE_PREFIX))
        signed = Ed25519PrivateKey.from_private_bytes(pair[:SECRET_BYTES]).sign(content)
    else:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
        signed = hmac.digest(key, content, "sha256")
    return f"{signature_of(secret)},{base64.b64encode(signed).decode()}"


def media_type(format_: str) -> str:
    return EVENTS if format_ == Format.CLOUDEVENTS else JSON


def records_body(
    format_: str, message_id: str, source: str, at: datetime, lines: Sequence[bytes]
) -> bytes:
    """Return the body that carries lines, each as pull has it, on a line of its own.

    So a receiver cuts them out as they are and computes their digest.
    """
    if format_ == Format.CLOUDEVENTS:
        return _events(message_id, source, at, lines)
    head = b'{"type":"%b","timestamp":"%b","data":{"records":[\n' % (
        DELIVERED.encode(),
        _moment(at),
    )
    return head + b",\n".join(line.rstrip(b"\n") for line in lines) + b"\n]}}"


def available_body(format_: str, message_id: str, source: str, at: datetime, cursor: str) -> bytes:
    """Return the body that says where a record too large to be pushed can be pulled."""
    said = {"type": AVAILABLE, "timestamp": _moment(at).decode(), "cursor": cursor}
    if format_ != Format.CLOUDEVENTS:
        return orjson.dumps(said)
    event = _attributes(message_id, source, AVAILABLE, at) | {"data": {"cursor": cursor}}
    return orjson.dumps([event])


def challenge_body(format_: str, message_id: str, source: str, at: datetime, text: str) -> bytes:
    """Return the body of the signed test that comes before the first record."""
    data = {"challenge": text}
    if format_ != Format.CLOUDEVENTS:
        return orjson.dumps({"type": CHALLENGE, "timestamp": _moment(at).decode(), "data": data})
    return orjson.dumps([_attributes(message_id, source, CHALLENGE, at) | {"data": data}])


def answers_challenge(body: bytes, text: str) -> bool:
    """Whether a receiver gave the challenge back."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    given = said.get("challenge") if isinstance(said, dict) else None
    return isinstance(given, str) and hmac.compare_digest(given.encode(), text.encode())


def _events(message_id: str, source: str, at: datetime, lines: Sequence[bytes]) -> bytes:
    """Return a batch of events, one for each line; their ids follow from the batch's."""
    common = b'"source":%b,"time":"%b","datacontenttype":"application/json"' % (
        orjson.dumps(source),
        _moment(at),
    )
    events = []
    for number, line in enumerate(lines):
        found = _LINE.match(line)
        assert found is not None  # noqa: S101 - a line that no projection makes
        events.append(
            b'{"specversion":"1.0","id":"%b-%d","type":"records.%b","subject":%b,%b,"data":%b}'
            % (message_id.encode(), number, found[1], found[2], common, line.rstrip(b"\n"))
        )
    return b"[\n" + b",\n".join(events) + b"\n]"


def _attributes(message_id: str, source: str, type_: str, at: datetime) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": message_id,
        "source": source,
        "type": type_,
        "time": _moment(at).decode(),
        "datacontenttype": JSON,
    }


def _moment(at: datetime) -> bytes:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ").encode()


def fitting(lines: Sequence[bytes], most_bytes: int, overhead: int) -> int:
    """Return how many lines fit into a body; `overhead` is what each costs beside itself."""
    size = 0
    for count, line in enumerate(lines):
        size += len(line) + overhead
        if size > most_bytes:
            return count
    return len(lines)
