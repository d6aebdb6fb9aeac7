"""What is not an answer of the exchange is told as such, whatever stands in it."""

import re
from collections.abc import Callable, Mapping

import httpx
import pytest

from shuyuan_client.failures import Failure
from shuyuan_client.http import ExchangeClient

TOKEN = b'{"access_token": "t", "expires_in": 300}'
LASTS = (b"-1e309", b"1e309", b"NaN", b"[]", b'"soon"', b"null")
NO_TOKENS = (b"null", b"5", b'"a\\r\\nX: 1"', '"桂"'.encode())
TOKENS = (
    *(b'{"access_token": "t", "expires_in": %b}' % each for each in LASTS),
    *(b'{"access_token": %b}' % each for each in NO_TOKENS),
)
NDJSON = {"Content-Type": "application/x-ndjson", "Exchange-Next-Cursor": "c"}
PORTAL = b"<html>Sign in to the network</html>"
# What a portal, a proxy or an older platform may have put there.
BODIES = (b"", b"null", b"[]", b"{}", b"9", PORTAL, b'{"items":[1]}', b"[" * 100_000)
PROBLEMS = (*BODIES, b'{"errors":"x"}', b'{"errors":[1,{"path":5}]}', b'{"code":[],"detail":{}}')
HEADERS: tuple[Mapping[str, str], ...] = (
    {},
    NDJSON | {"Exchange-Lag": "many"},
    NDJSON | {"Exchange-Lag": "9" * 5_000},
    {"Retry-After": "\xb2"},
)
CALLS: tuple[Callable[[ExchangeClient], object], ...] = (
    lambda client: client.page("s"),
    lambda client: client.ask("GET", "/v1/me"),
    lambda client: client.publish_typed("r", b"{}", key="k"),
    lambda client: list(client.quarantine("r", None)),
    lambda client: client.resolve("r", {}),
    lambda client: client.rewind("s", "earliest"),
)


def told(
    status: int, body: bytes, headers: Mapping[str, str], token: bytes = TOKEN
) -> ExchangeClient:
    """A client whose every question is answered so."""
    client = ExchangeClient(
        "http://exchange.example", lambda _http: httpx.Response(200, content=token)
    )
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    client._core._patience_seconds = 0
    client._http = httpx.Client(
        base_url=client.base_url,
        verify=False,  # noqa: S501 - nothing is connected to
        transport=httpx.MockTransport(lambda _: httpx.Response(status, headers=raw, content=body)),
    )
    return client


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_a_2xx_that_is_not_the_exchanges_is_a_failure(body: bytes) -> None:
    """A portal's page in the place of records was a KeyError of the program that asked."""
    for headers in HEADERS:
        for call in CALLS:
            try:
                call(told(200, body, headers))
            except Failure:
                continue


@pytest.mark.parametrize("body", PROBLEMS, ids=range(len(PROBLEMS)))
def test_a_refusal_that_is_not_the_exchanges_is_one(body: bytes) -> None:
    for status in (302, 400, 403, 410, 429, 503, 599):
        for headers in HEADERS:
            with pytest.raises(Failure):
                told(status, body, headers).page("s")


def test_records_without_a_cursor_are_not_taken() -> None:
    with pytest.raises(Failure, match=r"exchange\.example"):
        told(200, PORTAL, {}).page("s")


@pytest.mark.parametrize("token", TOKENS, ids=range(len(TOKENS)))
def test_a_token_that_is_none_is_a_failure(token: bytes) -> None:
    """One that lasts for ever was an OverflowError, one with a line break a lost connection."""
    with pytest.raises(Failure, match=re.escape("exchange.example")):
        told(200, b"{}", {}, token).ask("GET", "/v1/me")
