"""What receivers see, read by other people's libraries."""

import json
from datetime import UTC, datetime

import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.formats.json import JSONFormat
from standardwebhooks import Webhook, WebhookVerificationError

from exchange.delivery.push import messages
from exchange.delivery.push.messages import Format

NOW = datetime.now(UTC)
LINES = [
    b'{"op":"upsert","key":"a\\"b","data":{"id":"a\\"b","name":"\xe9\x9f\xa6"}}',
    b'{"op":"delete","key":"c"}',
]
SOURCE = "https://exchange.example/v1/subscriptions/s"


def read(body: bytes) -> list[BaseCloudEvent]:
    """Return the events of a batch, each read by the SDK."""
    return [JSONFormat().read(None, json.dumps(each)) for each in json.loads(body)]


def _signed(body: bytes, *secrets: str) -> dict[str, str]:
    # A message is refused five minutes after its attempt: a run of all tests takes longer.
    return dict(messages.headers("msg_1", datetime.now(UTC), body, secrets, messages.JSON))


def test_a_receiver_of_the_standard_verifies_a_message_and_refuses_a_changed_one() -> None:
    secret = messages.new_secret()
    body = messages.records_body(Format.WEBHOOK, "msg_1", SOURCE, NOW, LINES)
    said = Webhook(secret).verify(body, _signed(body, secret))
    assert said["type"] == "records.delivered"
    assert said["data"]["records"] == [json.loads(line) for line in LINES]
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + b" ", _signed(body, secret))


def test_during_a_rotation_both_secrets_verify() -> None:
    new, former, other = (messages.new_secret() for _ in range(3))
    head = _signed(b"{}", new, former)
    for secret in (new, former):
        Webhook(secret).verify(b"{}", head)
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify(b"{}", head)


def test_secrets_are_those_of_the_standard() -> None:
    secret = messages.new_secret()
    assert secret.startswith("whsec_")
    assert len(secret) == len("whsec_") + 44
    assert secret != messages.new_secret()


def test_a_batch_of_events_is_read_by_the_sdk() -> None:
    body = messages.records_body(Format.CLOUDEVENTS, "msg_1", SOURCE, NOW, LINES)
    events = read(body)
    assert [each.get_id() for each in events] == ["msg_1-0", "msg_1-1"]
    assert [each.get_type() for each in events] == ["records.upsert", "records.delete"]
    assert [each.get_subject() for each in events] == ['a"b', "c"]
    assert [each.get_data() for each in events] == [json.loads(line) for line in LINES]
    assert {each.get_source() for each in events} == {SOURCE}
    assert [each.get_time() for each in events] == [NOW, NOW]


@pytest.mark.parametrize("format_", list(Format))
def test_what_is_too_large_is_told_of_with_a_cursor(format_: Format) -> None:
    said = json.loads(messages.available_body(format_, "msg_1", SOURCE, NOW, "cursor"))
    if format_ is Format.CLOUDEVENTS:
        (event,) = read(json.dumps(said).encode())
        assert event.get_data() == {"cursor": "cursor"}
        said = {"type": event.get_type(), "cursor": "cursor"}
    assert (said["type"], said["cursor"]) == ("records.available", "cursor")


def test_a_challenge_is_answered_by_itself_alone() -> None:
    body = json.loads(messages.challenge_body(Format.WEBHOOK, "msg_1", SOURCE, NOW, "text"))
    assert (body["type"], body["data"]) == ("endpoint.challenge", {"challenge": "text"})
    assert messages.answers_challenge(b'{"challenge": "text"}', "text")
    for wrong in (b"", b"text", b'"text"', b"[]", b'{"challenge": 1}', b'{"challenge": "other"}',
                  b'{"challenge": null}', b"\xff"):  # fmt: skip
        assert not messages.answers_challenge(wrong, "text"), wrong


def test_an_id_is_that_of_the_range_and_tells_nothing_of_it() -> None:
    key = bytes(32)
    first = messages.batch_id(key, "s", b"topic", (0, 5, 9))
    assert first == messages.batch_id(key, "s", b"topic", (0, 5, 9))
    places = [(1, 5, 9), (0, 5, 8), (0, 4, 9)]
    others = {messages.batch_id(key, "s", b"topic", place) for place in places}
    others.add(messages.batch_id(key, "t", b"topic", (0, 5, 9)))
    others.add(messages.batch_id(key, "s", b"other", (0, 5, 9)))
    assert len(others | {first}) == 6


def test_lines_are_taken_as_long_as_they_fit() -> None:
    lines = [b"x" * 10] * 5
    assert messages.fitting(lines, 33, 1) == 3
    assert messages.fitting(lines, 55, 1) == 5
    assert messages.fitting(lines, 10, 1) == 0
    assert messages.fitting([], 10, 1) == 0


@pytest.mark.parametrize("format_", list(Format))
def test_lines_stand_in_a_body_as_pull_has_them_each_on_its_own(format_: Format) -> None:
    """So whoever receives them computes the digest of the ledger without parsing a value."""
    body = messages.records_body(format_, "msg_1", SOURCE, NOW, LINES)
    _head, *cut, _end = body.split(b"\n")
    told = [each.removesuffix(b",") for each in cut]
    if format_ is Format.CLOUDEVENTS:
        told = [each.partition(b',"data":')[2].removesuffix(b"}") for each in told]
    assert told == [line.rstrip(b"\n") for line in LINES]
