"""A body in chunks, taken apart as it comes; trailers are read and dropped (RFC 9112 section 7)."""

import re

from gateway.http.errors import MalformedRequest

LINE_MAX = 256
TRAILERS_MAX = 8 * 1024
# Frames may take so much more than what they frame: a chunk for each byte is work, not data.
FRAMES_MAX = 64 * 1024

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\x00-\x08\x0a-\x1f\x7f]*)?\r\n")
_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\x00-\x08\x0a-\x1f\x7f]*\r\n")


class Chunked:
    """`done` once the last line was read; what follows it is not the body's."""

    __slots__ = ("_frames", "_left", "_line", "_size", "_step", "_trailers", "done")

    def __init__(self) -> None:
        self.done = False
        self._step = self._on_size
        self._line = b""
        self._left = 0
        self._size = 0
        self._frames = 0
        self._trailers = 0

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Return what the bytes hold of the body, and what follows it; raises MalformedRequest."""
        parts: list[bytes] = []
        place = 0
        while place < len(data) and not self.done:
            if self._left:
                part = data[place : place + self._left]
                self._left -= len(part)
                place += len(part)
                parts.append(part)
            else:
                place = self._read_line(data, place)
        return (parts[0] if len(parts) == 1 else b"".join(parts)), data[place:]

    def _read_line(self, data: bytes, place: int) -> int:
        end = data.find(b"\n", place, place + LINE_MAX) + 1
        piece = data[place : end or place + LINE_MAX]
        self._line += piece
        if len(self._line) > LINE_MAX:
            raise MalformedRequest("分块的行过长", "A line between chunks is too long")
        if end:
            line, self._line = self._line, b""
            self._count(len(line))
            self._step(line)
        return place + len(piece)

    def _count(self, framing: int) -> None:
        self._frames += framing
        if self._frames > self._size + FRAMES_MAX:
            raise MalformedRequest("分块过小", "The chunks are too small")

    def _on_size(self, line: bytes) -> None:
        match = _SIZE.fullmatch(line)
        if match is None:
            raise MalformedRequest("分块的长度不正确", "The length of a chunk is not valid")
        self._left = int(match[1], 16)
        self._size += self._left
        self._step = self._on_end if self._left else self._on_trailer

    def _on_end(self, line: bytes) -> None:
        if line != b"\r\n":
            raise MalformedRequest("分块的结尾不正确", "A chunk does not end where it should")
        self._step = self._on_size

    def _on_trailer(self, line: bytes) -> None:
        self._trailers += len(line)
        if line == b"\r\n":
            self.done = True
        elif self._trailers > TRAILERS_MAX or not _TRAILER.fullmatch(line):
            raise MalformedRequest("尾部字段不正确", "The trailers are not valid")
