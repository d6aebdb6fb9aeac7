"""Pages, styles and scripts leave compressed, where a browser says that it reads that.

What proves a form is written differently each time (gateway/console/session.py), so that the length
of a page tells nothing of it.
"""

from typing import Final

from gateway.hot.codings import best, encode
from gateway.http.asgi import Message, Send

TYPES: Final = (b"text/html", b"text/css", b"text/javascript", b"image/svg+xml")
# What is smaller fits into a packet as it is.
LEAST_BYTES: Final = 1024
_CHANGED: Final = frozenset({b"vary", b"content-encoding", b"content-length"})
_CODED: Final = frozenset({b"content-encoding", b"content-range"})


class Coded:
    """A `send` that compresses a page which comes whole; everything else passes as it is."""

    def __init__(self, send: Send, accept_encoding: bytes) -> None:
        self._send = send
        self._coding = best(accept_encoding)
        self._start: Message | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_page(message):
            self._start = message
            return
        start, self._start = self._start, None
        if start is not None:
            start, message = await self._coded(start, message)
            await self._send(start)
        await self._send(message)

    async def _coded(self, start: Message, message: Message) -> tuple[Message, Message]:
        headers, body = dict(start["headers"]), message.get("body", b"")
        vary = [each for each in (headers.get(b"vary"), b"Accept-Encoding") if each]
        headers[b"vary"] = b", ".join(vary)
        whole = not message.get("more_body", False) and len(body) >= LEAST_BYTES
        if self._coding and whole:
            body = await encode(self._coding, body)
            headers[b"content-encoding"] = self._coding
            headers[b"content-length"] = str(len(body)).encode()
        changed = [(name, value) for name, value in headers.items() if name in _CHANGED]
        kept = [field for field in start["headers"] if field[0] not in _CHANGED]
        return {**start, "headers": [*kept, *changed]}, {**message, "body": body}


def _is_page(start: Message) -> bool:
    headers = dict(start.get("headers", ()))
    return headers.get(b"content-type", b"").startswith(TYPES) and headers.keys().isdisjoint(_CODED)
