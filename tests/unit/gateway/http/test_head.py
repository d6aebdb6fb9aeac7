"""Heads are read strictly: two readers of one request never see two requests (C1, F4, F5, F20)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.http.errors import MalformedRequest, NotImplementedHere, VersionNotSupported
from gateway.http.head import FIELDS_MAX, Head, HeadReader, check_beginning
from kernel.errors import BadRequest, ShuyuanError

USUAL = b"POST /v1/x/%41?a=b#c HTTP/1.1\r\nHost: x:1\r\nContent-Length: 3\r\nAccept: a\r\n\r\n"


def read(raw: bytes) -> Head:
    return HeadReader().read(raw)


def refused(raw: bytes) -> str:
    with pytest.raises(ShuyuanError) as caught:
        read(raw)
    return caught.value.code


def with_fields(*lines: str, start: str = "POST / HTTP/1.1") -> bytes:
    return "\r\n".join([start, *lines, "", ""]).encode("latin-1")


def test_a_head_is_taken_apart() -> None:
    head = read(USUAL)
    assert (head.method, head.path, head.raw_path, head.query) == (
        "POST", "/v1/x/A", b"/v1/x/%41", b"a=b",
    )  # fmt: skip
    assert (head.length, head.keep_alive, head.expects, head.version) == (3, True, False, "1.1")
    assert head.headers[b"host"] == b"x:1"


def test_one_reader_reads_head_after_head() -> None:
    reader = HeadReader()
    for length in (b"0", b"3", b"0", b"5"):
        raw = USUAL.replace(b"Length: 3", b"Length: " + length)
        assert reader.read(raw).length == int(length)
    with pytest.raises(BadRequest):
        reader.read(b"x\r\n\r\n")
    assert reader.read(USUAL).length == 3


@pytest.mark.parametrize(
    "lines",
    [
        ["Host: x", "Host: x"],
        ["Host: x", "Host: y"],
        ["Host: x", "Authorization: Bearer a", "authorization: Bearer b"],
        ["Host: x", "Idempotency-Key: a", "Idempotency-Key: a"],
        ["Host: x", "Content-Type: a/b", "Content-Type: a/b"],
        ["Host: x", "Content-Length: 3", "Content-Length: 3"],
        ["Host: x", "Content-Length: 3", "Content-Length: 4"],
        ["Host: x", "Content-Length: 3", "Transfer-Encoding: chunked"],
        ["Host: x", "Transfer-Encoding: chunked", "Content-Length: 3"],
        ["Host: x", "Transfer-Encoding: gzip"],
        ["Host: x", "Content-Length: +3"],
        ["Host: x", "Content-Length: 99999999999999999999"],
        ["Host: x", "A : b"],
        ["Host: x", "A: b", " c"],
        ["Host: x", "A: b\x00c"],
        ["Host: x", "A: b\rc"],
        ["Host: x y"],
        ["Host: a, b"],
        ["Accept: a"],
    ],
)
def test_what_could_be_read_in_two_ways_is_malformed(lines: list[str]) -> None:
    """Of a doubled `Authorization` the hot path once took the last, all others the first (F5)."""
    assert refused(with_fields(*lines)) == "malformed_request"


@pytest.mark.parametrize(
    ("start", "code"),
    [
        ("GET /", "http_version_not_supported"),
        ("GET / HTTP/0.9", "http_version_not_supported"),
        ("GET / HTTP/2.0", "http_version_not_supported"),
        ("PRI * HTTP/2.0", "http_version_not_supported"),
        ("GET / HTTP/1.2", "http_version_not_supported"),
        ("GET / HTTP/3", "http_version_not_supported"),
        ("BREW / HTTP/1.1", "not_implemented"),
        ("CONNECT a:1 HTTP/1.1", "not_implemented"),
        ("GET  / HTTP/1.1", "malformed_request"),
        ("GET / HTTP/1.1 x", "malformed_request"),
        ("GET /a b HTTP/1.1", "malformed_request"),
        ("GET x HTTP/1.1", "malformed_request"),
        ("G\tT / HTTP/1.1", "malformed_request"),
        ("GET /\xe9 HTTP/1.1", "malformed_request"),
        ("", "malformed_request"),
    ],
)
def test_a_line_that_asks_for_something_else(start: str, code: str) -> None:
    """HTTP/0.9 and 2.0 were once answered 200 (F20)."""
    assert refused(with_fields("Host: x", start=start)) == code


@pytest.mark.parametrize("coding", ["gzip, chunked", "identity, chunked"])
def test_a_transfer_coding_that_nobody_undoes_is_not_implemented(coding: str) -> None:
    """Of `gzip, chunked` the gzip was once taken for the records (F6)."""
    assert refused(with_fields("Host: x", f"Transfer-Encoding: {coding}")) == "not_implemented"


def test_http_1_0_needs_no_host_and_knows_no_chunks() -> None:
    assert not read(with_fields(start="GET / HTTP/1.0")).keep_alive
    chunked = with_fields("Transfer-Encoding: chunked", start="GET / HTTP/1.0")
    assert refused(chunked) == "malformed_request"


def test_lists_may_come_in_several_lines() -> None:
    head = read(with_fields("Host: x", "Accept: a", "accept: b", "Cookie: a=1", "Cookie: b=2"))
    assert head.headers[b"accept"] == b"a, b"
    assert head.headers[b"cookie"] == b"a=1; b=2"


def test_an_upgrade_is_not_heard() -> None:
    asked = ("Host: x", "Connection: Upgrade", "Upgrade: h2c", "Content-Length: 4")
    assert read(with_fields(*asked)).length == 4


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [("http://h/a?b", "/a", b"b"), ("http://h", "/", b""), ("*", "*", b""), ("/?", "/", b"")],
)
def test_a_target_may_name_its_host(target: str, path: str, query: bytes) -> None:
    head = read(with_fields("Host: x", start=f"GET {target} HTTP/1.1"))
    assert (head.path, head.query) == (path, query)


def test_headers_are_counted() -> None:
    assert read(with_fields("Host: x", *["A: b"] * (FIELDS_MAX - 1))).path == "/"
    assert refused(with_fields("Host: x", *["A: b"] * (FIELDS_MAX + 9))) == "head_too_large"


@pytest.mark.parametrize("begun", [b"G", b"GET", b"GET /", b"GET / HTTP/1.1\r", USUAL[:-2]])
def test_a_beginning_may_become_a_head(begun: bytes) -> None:
    check_beginning(begun)


@pytest.mark.parametrize("begun", [b"\x16\x03\x01", b" GET", b"GET\t", b"GET /\n", b"{"])
def test_what_can_become_no_head_is_not_waited_for(begun: bytes) -> None:
    with pytest.raises(BadRequest):
        check_beginning(begun)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_mutated_head_is_read_or_refused(data: st.DataObject) -> None:
    """Whatever comes, it is a head or a problem; what is read keeps its promises."""
    raw = bytearray(USUAL)
    for _time in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
        raw = raw or bytearray(b"x")
    try:
        head = read(bytes(raw))
    except (MalformedRequest, NotImplementedHere, VersionNotSupported):
        return
    assert head.version in ("1.0", "1.1")
    assert head.length is None or head.length >= 0
    assert head.version == "1.0" or b"host" in head.headers
    assert all(name == name.lower() for name in head.headers)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_bytes_are_read_or_refused(raw: bytes) -> None:
    with pytest.raises(ShuyuanError):
        read(raw + b"\r\n\r\n")
