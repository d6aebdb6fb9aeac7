import asyncio
from typing import Any

import pytest

from gateway import hot
from gateway.exchanges import AsgiExchange, ClientGoneError, lines
from gateway.hot import HotPaths
from tests.unit.gateway.test_hot import elsewhere

Message = dict[str, Any]


def exchange(*messages: Message) -> AsgiExchange:
    """Return an exchange to which these messages come, and then none for ever."""
    coming = list(messages)

    async def receive() -> Message:
        if not coming:
            await asyncio.Event().wait()
        return coming.pop(0)

    async def send(_message: Any) -> None:  # noqa: ANN401
        raise AssertionError

    return AsgiExchange({"path": "/", "query_string": b"", "headers": []}, receive, send)


def piece(body: bytes, *, more: bool) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


class Using:
    """Settings that leave room."""

    settings = type("Settings", (), {"inflight_bytes": 1024})


def hot_paths() -> HotPaths:
    services: Any = Using()
    return HotPaths(elsewhere, lambda: services)


@pytest.mark.parametrize("came", [[], [piece(b"{", more=True)]])
async def test_a_body_that_stalls_is_cut_off_wherever_it_does(
    came: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait for the first byte once had no end."""
    monkeypatch.setattr(hot, "BODY_SECONDS", 0.05)
    principal: Any = type("Caller", (), {"id": "someone"})
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(hot_paths()._body(principal, exchange(*came)), 5)


async def test_a_body_is_what_its_pieces_are_together() -> None:
    principal: Any = type("Caller", (), {"id": "someone"})
    pieces = [piece(b"a", more=True), piece(b"", more=True), piece(b"bc", more=False)]
    assert await hot_paths()._body(principal, exchange(*pieces)) == b"abc"


async def test_whoever_leaves_has_no_body() -> None:
    principal: Any = type("Caller", (), {"id": "someone"})
    left = exchange(piece(b"a", more=True), {"type": "http.disconnect"})
    with pytest.raises(ClientGoneError):
        await hot_paths()._body(principal, left)


def test_a_head_is_lines_of_headers() -> None:
    assert lines({"Retry-After": "1", "X": "\xe9\t"}) == b"retry-after: 1\r\nx: \xe9\t\r\n"


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\rb", "a\x00", "\x7f"])
def test_what_would_end_its_line_is_no_header(value: str) -> None:
    with pytest.raises(ValueError, match="unfit"):
        lines({"X": value})
    with pytest.raises(ValueError, match="unfit"):
        lines({value: "x"})
