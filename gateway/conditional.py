"""Reads with If-None-Match: 304 where the answer is the one that the caller has (RFC 9110 13.2)."""

from gateway import tags
from gateway.http.asgi import Message, Send

OK, NOT_MODIFIED = 200, 304
# What tells of the body goes with it (RFC 9110 section 15.4.5).
_OF_BODY = frozenset({b"content-length", b"content-type"})


class Conditional:
    """A `send` that completes the tag of a read, and sends no body that the caller has."""

    def __init__(self, send: Send, if_none_match: bytes | None) -> None:
        self._send = send
        self._if_none_match = if_none_match
        self._start: Message | None = None
        self._dropped = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_tagged(message):
            self._start = message
            return
        start, self._start = self._start, None
        if start is not None and not message.get("more_body", False):
            start = self._answered(start, message.get("body", b""))
        if start is not None:
            await self._send(start)
        await self._send({**message, "body": b""} if self._dropped else message)

    def _answered(self, start: Message, body: bytes) -> Message:
        headers = dict(start["headers"])
        tag = headers[b"etag"] = tags.of_answer(headers[b"etag"], body)
        if self._if_none_match is None or not tags.matches(self._if_none_match, tag):
            return {**start, "headers": list(headers.items())}
        self._dropped = True
        remaining = [(name, value) for name, value in headers.items() if name not in _OF_BODY]
        return {**start, "status": NOT_MODIFIED, "headers": remaining}


def _is_tagged(start: Message) -> bool:
    return start["status"] == OK and any(name == b"etag" for name, _ in start.get("headers", ()))
