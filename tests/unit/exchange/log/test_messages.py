"""What others write beside the platform's own messages harms nobody (P12)."""

import pytest

from exchange.log.events import read_message
from exchange.log.landmarks import _landmark
from exchange.restoration.declare import Lost, _lost
from kernel.landmark import Landmark

FOREIGN = [None, b"", b"\xff\xfe", b"[1]", b"17", b'{"a":', b'{"generation":"1","number":2}', b"{}"]


@pytest.mark.parametrize("value", FOREIGN)
def test_what_is_no_message_is_no_landmark_and_no_decision(value: bytes | None) -> None:
    """One such record in the topic would have ended every process that compares with it."""
    assert _landmark(value) is None
    assert _lost(read_message(value)) is None


def test_the_platforms_own_messages_are_read() -> None:
    assert _landmark(b'{"generation": 1, "number": 7}') == Landmark(1, 7)
    told = b'{"id": 3, "type": "t", "at": "2026-01-05T00:00:00Z", "payload": {"id": "s"}}'
    assert _lost(read_message(told)) == Lost(3, "t", "2026-01-05T00:00:00Z", {"id": "s"})
