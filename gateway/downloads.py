"""A file as it is downloaded: all of it or some ranges, in pieces, each while it may leave (P3)."""

import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from urllib.parse import quote

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from gateway import tags
from gateway.http.asgi import HEAD_ONLY
from gateway.http.outflow import MayLeave, always
from gateway.ranges import Span, ranges
from gateway.services import Services
from gateway.token_caller import leaving
from kernel.tables import BlobRow


def attachment(name: str) -> str:
    """Return the field that has a client save an answer as a file (RFC 6266)."""
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"


def made(content: bytes, media: str, name: str) -> Response:
    """Return a file that was made for whoever asks, and is kept nowhere."""
    headers = {"Cache-Control": "no-store", "Content-Disposition": attachment(name)}
    return Response(content, media_type=media, headers=headers)


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch of the file behind the words that announce it."""

    announced: bytes
    span: Span


async def download(
    using: Services,
    request: Request,
    blob: BlobRow,
    changed_at: datetime,
    may_leave: MayLeave = always,
    page: str | None = None,
) -> Response:
    """Return a file, or the ranges of it that are asked for.

    Raises RangeNotSatisfiable, FileLost and StoreAway; `page` is its name in a delivery ledger.

    `Repr-Digest` is that of the file; `Content-Digest` of what is sent stands where that is all
    of it (RFC 9530).
    """
    leaving(request, may_leave)
    tag = f'"{blob.sha256}"'.encode()
    if tags.matches(request.headers.get("if-none-match", "").encode("latin-1"), tag):
        return Response(status_code=304, headers={"ETag": tag.decode()})
    headers = _headers(blob, changed_at, page)
    if request.scope.get(HEAD_ONLY):
        headers |= {"Content-Length": str(blob.bytes)}
        return Response(headers=headers, media_type=blob.media)
    spans = None
    if _if_range(request.headers.get("if-range"), blob):
        spans = ranges(request.headers.get("range"), blob.bytes)
    if spans is None:
        headers |= {
            "Content-Length": str(blob.bytes),
            "Content-Digest": headers["Repr-Digest"],
        }
        whole = [_Part(b"", Span(0, blob.bytes))]
        return await _answer(using, blob, whole, b"", 200, headers, blob.media)
    if len(spans) == 1:
        headers |= {
            "Content-Length": str(spans[0].size),
            "Content-Range": spans[0].told(blob.bytes),
        }
        return await _answer(using, blob, [_Part(b"", spans[0])], b"", 206, headers, blob.media)
    return await _several(using, blob, spans, headers)


def _if_range(validator: str | None, blob: BlobRow) -> bool:
    """Whether ranges are of the file that the caller has a part of; dates are not compared."""
    return validator is None or validator.strip() == f'"{blob.sha256}"'


def _headers(blob: BlobRow, changed_at: datetime, page: str | None) -> dict[str, str]:
    digest = b64encode(bytes.fromhex(blob.sha256)).decode()
    listed = {"Exchange-Page": page, "Exchange-Digest": f"sha-256={blob.sha256}"} if page else {}
    return listed | {
        "Accept-Ranges": "bytes",
        "ETag": f'"{blob.sha256}"',
        "Last-Modified": format_datetime(changed_at, usegmt=True),
        "Repr-Digest": f"sha-256=:{digest}:",
        "Content-Disposition": attachment(blob.name),
    }


async def _several(
    using: Services, blob: BlobRow, spans: Sequence[Span], headers: Mapping[str, str]
) -> Response:
    boundary = secrets.token_hex(12)
    parts = [
        _Part(
            f"\r\n--{boundary}\r\nContent-Type: {blob.media}\r\n"
            f"Content-Range: {span.told(blob.bytes)}\r\n\r\n".encode(),
            span,
        )
        for span in spans
    ]
    end = f"\r\n--{boundary}--\r\n".encode()
    size = len(end) + sum(len(part.announced) + part.span.size for part in parts)
    media = f"multipart/byteranges; boundary={boundary}"
    return await _answer(
        using, blob, parts, end, 206, {**headers, "Content-Length": str(size)}, media
    )


async def _answer(
    using: Services,
    blob: BlobRow,
    parts: Sequence[_Part],
    end: bytes,
    status: int,
    headers: Mapping[str, str],
    media: str,
) -> Response:
    content = await begun(_content(using, blob, parts, end))
    return StreamingResponse(content, status, headers=dict(headers), media_type=media)


async def begun(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Have the first piece before anything is answered: what is lost or away is told by a problem.

    The head of an answer cannot be taken back; later a connection can only be cut short.
    """
    first = await anext(content, b"")

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for piece in content:
            yield piece

    return whole()


async def _content(
    using: Services, blob: BlobRow, parts: Sequence[_Part], end: bytes
) -> AsyncIterator[bytes]:
    for part in parts:
        announced, span = part.announced, part.span
        async for piece in using.blobs.part(blob, using.box, span.start, span.end):
            yield announced + piece
            announced = b""
    if end:
        yield end
