"""Pushes are verified as another implementation of Standard Webhooks signs them."""

import time
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from exchange.delivery.push import messages
from exchange.delivery.push.messages import Signature
from shuyuan_client.failures import Failure
from shuyuan_client.webhooks import SIGNATURES_MAX, NotVerified, WebhookVerifier

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
        # Too large for a float, and for a whole number: other errors came out of it.
        {"webhook-timestamp": "9" * 400},
        {"webhook-timestamp": "9" * 5_000},
        {"Webhook-Id": "\ud800"},
        {"Webhook-Id": "msg_2"},
    ],
)
def test_what_was_changed_is_not_verified(changes: dict[str, str]) -> None:
    with pytest.raises(NotVerified):
        WebhookVerifier(SECRET).verify(signed() | changes, BODY.encode())


def test_a_stranger_does_not_have_the_body_digested_a_thousand_times() -> None:
    """Each signature of the header was: some thousand beside a large body took seconds."""
    digested: list[bytes] = []

    def refuse(content: bytes, _signed: bytes) -> bool:
        digested.append(content)
        return False

    verifier = WebhookVerifier(SECRET)
    verifier._checks = [("v1", refuse)]
    with pytest.raises(NotVerified):
        verifier.verify(signed() | {"webhook-signature": "v1,AAAA " * 5_000}, BODY.encode())
    assert len(digested) <= SIGNATURES_MAX


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


# A message that other implementations of the standard sign and verify in their own tests.
FOREIGN_KEY = (
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
)
FOREIGN_SIGNATURE = (
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
)
FOREIGN_HEAD = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330"}
FOREIGN_BODY = b'{"test": 2432232314}'


def pushed(*secrets: str) -> dict[str, str]:
    at = datetime.fromtimestamp(int(FOREIGN_HEAD["webhook-timestamp"]), UTC)
    name = FOREIGN_HEAD["webhook-id"]
    return dict(messages.headers(name, at, FOREIGN_BODY, secrets, messages.JSON))


def verified(*keys: str, head: dict[str, str], body: bytes = FOREIGN_BODY) -> str:
    at = float(FOREIGN_HEAD["webhook-timestamp"])
    return WebhookVerifier(*keys, now=lambda: at).verify(head, body)


def test_a_private_key_signs_as_another_library_does() -> None:
    assert pushed(FOREIGN_KEY)["webhook-signature"] == FOREIGN_SIGNATURE
    public = messages.public_key(FOREIGN_KEY)
    assert public is not None
    foreign = FOREIGN_HEAD | {"webhook-signature": FOREIGN_SIGNATURE}
    assert verified(public, head=foreign) == FOREIGN_HEAD["webhook-id"]
    with pytest.raises(NotVerified):
        verified(public, head=foreign, body=FOREIGN_BODY + b" ")


def test_a_key_takes_the_place_of_a_secret_and_neither_verifies_for_the_other() -> None:
    """During a rotation from one to the other both sign."""
    private, other = (messages.new_secret(Signature.V1A) for _ in range(2))
    public, stranger = messages.public_key(private), messages.public_key(other)
    assert public is not None
    assert stranger is not None
    both = pushed(private, SECRET)
    assert verified(public, head=both) == verified(SECRET, head=both)
    assert verified(stranger, public, head=both)
    for key, head in ((stranger, both), (public, pushed(SECRET)), (SECRET, pushed(private))):
        with pytest.raises(NotVerified):
            verified(key, head=head)
    with pytest.raises(Failure):
        WebhookVerifier("whpk_AAAA")
    with pytest.raises(Failure):
        WebhookVerifier(private)
