"""Where a request came from."""

import pytest
from starlette.requests import Request

from auth.source import Source
from gateway.source import source_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
    ],
)
def test_failures_are_counted_by_what_one_caller_has(address: str, network: str) -> None:
    """Whoever has an IPv6 address has 2^64 of them: counting each would count nothing."""
    assert Source(address).network == network


def _request(client: str | None, *forwarded: str) -> Request:
    headers = [(b"x-forwarded-for", text.encode()) for text in forwarded]
    place = None if client is None else (client, 1)
    return Request({"type": "http", "headers": headers, "client": place})


@pytest.mark.parametrize(
    ("client", "forwarded", "address"),
    [
        ("203.0.113.7", ("198.51.100.1",), "203.0.113.7"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("6.6.6.6, 198.51.100.1",), "198.51.100.1"),
        ("10.0.0.1", ("6.6.6.6", "198.51.100.1, 10.0.0.2"), "198.51.100.1"),
        ("10.0.0.1", ("nonsense",), "10.0.0.1"),
        (None, ("198.51.100.1",), "unknown"),
    ],
)
def test_only_a_trusted_proxy_tells_where_its_caller_is(
    client: str | None, forwarded: tuple[str, ...], address: str
) -> None:
    assert source_of(_request(client, *forwarded), "10.0.0.0/8").address == address


def test_without_trusted_proxies_nobody_is_believed() -> None:
    assert source_of(_request("10.0.0.1", "198.51.100.1"), "").address == "10.0.0.1"
