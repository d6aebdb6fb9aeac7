import asyncio
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.hot import paths as hot
from gateway.hot.paths import HotPaths
from gateway.hot.request import _pairs, lines
from gateway.http.budgets import BODIES
from gateway.http.errors import RequestTimeout
from gateway.http.outflow import ClientGoneError
from kernel.errors import TooLarge
from tests.support.exchanges import KeptExchange
from tests.unit.gateway.test_hot import elsewhere

PRINCIPAL: Any = type("Caller", (), {"id": "someone"})


def hot_paths() -> HotPaths:
    services: Any = None
    return HotPaths(elsewhere, lambda: services)


async def collected(exchange: KeptExchange) -> bytes:
    try:
        return await asyncio.wait_for(hot_paths()._body(PRINCIPAL, exchange), 5)
    finally:
        if exchange.held_bytes:
            BODIES.release(PRINCIPAL.id, exchange.held_bytes)


@pytest.mark.parametrize("came", [b"", b"{"])
async def test_a_body_that_stalls_is_cut_off_wherever_it_does(
    came: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait for the first byte once had no end, and its end was once a 503 (F16)."""
    monkeypatch.setattr(hot, "BODY_SECONDS", 0.05)
    exchange = KeptExchange("/", body=None)
    if came:
        exchange.incoming.feed(came)
    with pytest.raises(RequestTimeout):
        await collected(exchange)


async def test_a_body_is_what_its_pieces_are_together() -> None:
    exchange = KeptExchange("/", body=None)
    collecting = asyncio.create_task(collected(exchange))
    for piece in (b"a", b"b", b"c"):
        await asyncio.sleep(0)
        exchange.incoming.feed(piece)
    exchange.incoming.end()
    assert await collecting == b"abc"
    assert not BODIES.held_bytes


async def test_a_body_that_grows_beyond_its_limit_is_stopped() -> None:
    exchange = KeptExchange("/", body=None)
    exchange.incoming.feed(b"x" * (hot.BODY_MAX + 1))
    with pytest.raises(TooLarge):
        await collected(exchange)


async def test_whoever_leaves_has_no_body() -> None:
    exchange = KeptExchange("/", body=None)
    exchange.incoming.feed(b"a")
    collecting = asyncio.create_task(collected(exchange))
    await asyncio.sleep(0)
    exchange.incoming.leave()
    with pytest.raises(ClientGoneError):
        await collecting


def test_a_head_is_lines_of_headers() -> None:
    assert lines({"Retry-After": "1", "X": "\xe9\t"}) == b"retry-after: 1\r\nx: \xe9\t\r\n"


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\rb", "a\x00", "\x7f"])
def test_what_would_end_its_line_is_no_header(value: str) -> None:
    with pytest.raises(ValueError, match="unfit"):
        lines({"X": value})
    with pytest.raises(ValueError, match="unfit"):
        lines({value: "x"})


@given(st.text(alphabet="ab1=&&..~_-+%2;\u00e9", max_size=20).map(lambda text: text.encode()))
def test_parameters_that_need_no_decoding_are_those_of_the_library(raw: bytes) -> None:
    assert _pairs(raw) == parse_qsl(raw.decode("latin-1"), keep_blank_values=True)
