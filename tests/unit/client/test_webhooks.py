"""Pushes are verified as another implementation of Standard Webhooks signs them."""

import time
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from shuyuan_client.failures import Failure
from shuyuan_client.webhooks import NotVerified, WebhookVerifier

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" + "MfKQ9r8G"
OTHER = "whsec_" + "C2FVsBQIhrscChlQIMV+b5sSYspob7oD" + "MfKQ9r8G"
BODY = '{"type":"records.delivered"}'


def signed(secret: str = SECRET, moment: float | None = None) -> dict[str, str]:
    at = datetime.fromtimestamp(time.time() if moment is None else moment, UTC)
    return {
        "Webhook-Id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", at, BODY),
    }


def test_what_another_library_signed_is_verified() -> None:
    assert WebhookVerifier(SECRET).verify(signed(), BODY.encode()) == "msg_1"


def test_during_a_rotation_either_signature_is_enough() -> None:
    now = time.time()
    one, other = signed(moment=now), signed(OTHER, now)
    both = one | {
        "webhook-signature": f"v1a,xx {other['webhook-signature']} {one['webhook-signature']}"
    }
    assert WebhookVerifier(SECRET).verify(both, BODY.encode()) == "msg_1"
    assert WebhookVerifier(SECRET, OTHER).verify(signed(OTHER), BODY.encode()) == "msg_1"


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,é"},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "²"},
        {"Webhook-Id": "msg_2"},
    ],
)
def test_what_was_changed_is_not_verified(changes: dict[str, str]) -> None:
    with pytest.raises(NotVerified):
        WebhookVerifier(SECRET).verify(signed() | changes, BODY.encode())


def test_another_body_another_secret_and_an_old_message_are_not_verified() -> None:
    with pytest.raises(NotVerified):
        WebhookVerifier(SECRET).verify(signed(), b"{}")
    with pytest.raises(NotVerified):
        WebhookVerifier(OTHER).verify(signed(), BODY.encode())
    with pytest.raises(NotVerified):
        WebhookVerifier(SECRET).verify(signed(moment=time.time() - 600), BODY.encode())
    with pytest.raises(NotVerified, match="webhook-id"):
        WebhookVerifier(SECRET).verify({}, BODY.encode())


@pytest.mark.parametrize("secret", ["whsec_", "whsec_AAAA", "whsec_***", "secret"])
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    with pytest.raises(Failure, match="whsec_"):
        WebhookVerifier(secret)
