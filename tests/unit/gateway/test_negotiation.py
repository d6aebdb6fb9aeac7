"""Weights decide, not the place in the list (F19)."""

import pytest

from gateway.hot import codings
from gateway.negotiation import prefers_english, prefers_json


@pytest.mark.parametrize(
    ("accept", "json"),
    [
        (b"", False),
        (b"*/*", False),
        (b"application/json", True),
        (b"application/x-ndjson", False),
        (b"application/x-ndjson;q=0, application/json", True),
        (b"application/json;q=0.1, application/x-ndjson", False),
        (b"application/json; q=0.5, application/x-ndjson; q=0.4", True),
        (b"application/json;q=0, */*", False),
        # Whoever names both has them alike: the client that is generated for Java reads no lines.
        (b"application/json, application/x-ndjson, application/problem+json", True),
        (b"application/x-ndjson, application/json", True),
        (b"application/json, text/plain, */*", True),
        (b"APPLICATION/JSON", True),
        (b"text/html", False),
        (b"application/json;q=2", True),
        (b",;,=", False),
    ],
)
def test_records_come_as_they_are_wanted(accept: bytes, json: bool) -> None:
    assert prefers_json(accept) is json


@pytest.mark.parametrize(
    ("language", "english"),
    [
        (b"", False),
        (b"en", True),
        (b"en-GB", True),
        (b"zh-CN, en;q=0.9", False),
        (b"en;q=0.1, zh;q=0.9", False),
        (b"zh;q=0.5, en", True),
        (b"fr, en;q=0.5", True),
        (b"en;q=0", False),
        (b"en, zh", False),
        (b"*", False),
    ],
)
def test_sentences_come_in_the_language_that_is_wanted(language: bytes, english: bool) -> None:
    """`en;q=0.1, zh` was once answered in English."""
    assert prefers_english(language) is english


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        (b"", b""),
        (b"zstd", b"zstd"),
        (b"gzip, deflate, br, zstd", b"zstd"),
        (b"gzip, deflate", b"gzip"),
        (b"gzip, *", b"zstd"),
        (b"*", b"zstd"),
        (b"gzip, *;q=0", b""),
        (b"gzip;q=0", b""),
        (b"zstd;q=0, gzip", b"gzip"),
        (b"identity", b""),
        (b"br", b""),
    ],
)
def test_large_answers_come_in_a_coding_that_is_wanted(accepted: bytes, coding: bytes) -> None:
    assert codings.best(accepted) == coding
