"""A refused record is shown as it was received (ADR 0014)."""

import json

import orjson
import pytest

from gateway.api.quarantine import as_received


@pytest.mark.parametrize(
    "record",
    [
        b'{"a":1.10,  "a":2}',
        '{"姓名":"韦某"}'.encode(),
        b'{"a":"\\u0000"}',
        b"[1,2]",
        b"null",
        b'"text"',
        b"[" * 32 + b"]" * 32,
    ],
)
def test_json_stands_byte_for_byte(record: bytes) -> None:
    assert orjson.dumps({"record": as_received(record)}) == b'{"record":' + record + b"}"


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"not json",
        b"NaN",
        b'{"a":1},"b":{"c":2}',
        b'{"a":"\\ud800"}',
        b'{"a":"\x00"}',
        b"9" * 5000,
        b"1e400",
        b"[" * 33 + b"]" * 33,
        b"[" * 100_000,
        b'{"a":1}]',
    ],
)
def test_anything_else_is_a_string(record: bytes) -> None:
    said = json.loads(orjson.dumps({"record": as_received(record), "end": 1}))
    assert said == {"record": record.decode(), "end": 1}


def test_bytes_that_are_no_text_are_still_shown() -> None:
    assert as_received(b"\xff{}") == "�{}"
