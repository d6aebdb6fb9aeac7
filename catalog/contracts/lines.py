"""A body cut into the lines of its records, with the limits of api.md section 5.

What leaves here is what is checked and what is stored: no line holds a carriage return or a line
break, and none begins or ends with a blank once `bare` has been asked.
"""

import re
from codecs import utf_8_decode
from collections.abc import Sequence
from typing import Final

import msgspec

from catalog.contracts.errors import EmptyBody, LineTooLong, TooManyRecords
from catalog.contracts.reading import BLANKS, TOKEN, is_json, without_half_pairs
from kernel.columns import Column
from kernel.errors import FieldError, Invalid, InvalidUtf8, MalformedJson
from kernel.turns import Steps

RECORDS_MAX: Final = 10_000
LINE_BYTES_MAX: Final = 1024 * 1024
DEPTH_MAX: Final = 32

_BOM: Final = b"\xef\xbb\xbf"
_PLACE: Final = re.compile(r"\(byte (\d+)\)")
_ARRAY: Final = msgspec.json.Decoder(list[msgspec.Raw])
# More elements than a body may have would be made before they are counted: 8 MiB make 4,000,000.
_COMMAS_MAX: Final = 100_000
# About a millisecond.
_TOKENS_AT_ONCE: Final = 1_000
# A few tenths of a millisecond: cut into lines, or read as UTF-8.
_BYTES_AT_ONCE: Final = 256 * 1024


def split_ndjson(body: bytes) -> Steps[list[bytes]]:
    """The lines without their ends; LF or CRLF, and the last may have none.

    Raises EmptyBody, TooManyRecords, LineTooLong, MalformedJson (byte order mark, a carriage return
    that ends no line: readers differ on whether it does).
    """
    _refuse_bare(body)
    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n")
        _refuse_return(body)
    lines = yield from _cut_lines(body)
    if len(lines) > RECORDS_MAX:
        raise _too_many()
    _refuse_long(body, lines)
    return lines


def _cut_lines(body: bytes) -> Steps[list[bytes]]:
    """The lines, cut no further than needed to know that there are too many."""
    lines: list[bytes] = []
    start = 0
    while True:
        end = body.find(b"\n", start + _BYTES_AT_ONCE - 1) + 1 or len(body)
        lines += body[start:end].split(b"\n", RECORDS_MAX + 1)
        if not lines[-1]:
            lines.pop()
        start = end
        if start == len(body) or len(lines) > RECORDS_MAX:
            return lines
        yield


def split_json(body: bytes) -> Steps[list[bytes]]:
    """The records of an array, or the one value of the body, each on a line of its own.

    A body that is no JSON is one line, which the check of the record refuses, or MalformedJson
    where it begins as an array. Raises EmptyBody, TooManyRecords, LineTooLong, InvalidUtf8,
    Invalid (`too_deep`).
    """
    _refuse_bare(body)
    if body.lstrip(BLANKS)[:1] != b"[":
        lines = [body.strip(BLANKS)]
        # Line breaks that stand inside a string are no white space, and the body is no JSON.
        breaks = (b"\n" in lines[0] or b"\r" in lines[0]) and is_json(lines[0])
    else:
        lines = yield from _elements(body)
        breaks = b"\n" in body or b"\r" in body
    if not lines:
        raise EmptyBody
    if len(lines) > RECORDS_MAX:
        raise _too_many()
    if breaks:
        lines = [line.replace(b"\n", b" ").replace(b"\r", b" ") for line in lines]
    _refuse_long(body, lines)
    return lines


def bare(lines: list[bytes]) -> list[bytes]:
    """The lines without blanks around their records."""
    return [line.strip(b" \t") for line in lines]


def has_lines(body: bytes, count: int) -> bool:
    """Whether there are so many lines; to count all of them takes long."""
    at = 0
    for _ in range(count - 1):
        at = body.find(b"\n", at) + 1
        if not at:
            return False
    return True


def any_too_long(lines: Column) -> bool:
    return len(lines.text) > LINE_BYTES_MAX and bool(lines.sizes.max() > LINE_BYTES_MAX)


def require_utf8(body: bytes) -> Steps[None]:
    """Read all of the body; raises InvalidUtf8 with the first byte that is wrong."""
    start, size = 0, len(body)
    while True:
        end = min(start + _BYTES_AT_ONCE, size)
        try:
            # A character that the portion cuts in two belongs to the next one.
            _text, read = utf_8_decode(body[start:end], "strict", end == size)
        except UnicodeDecodeError as error:
            place = start + error.start
            raise InvalidUtf8(
                f"请求体第 {place} 字节处不是合法的 UTF-8", f"The body is not UTF-8 at byte {place}"
            ) from error
        start += read
        if end == size:
            return
        yield


def too_deep(text: bytes, limit: int = DEPTH_MAX) -> Steps[bool]:
    """Whether arrays and objects nest deeper than `limit`; linear in time, no recursion."""
    if text.count(b"[") + text.count(b"{") <= limit:
        return False
    return (yield from _depth_passed(text, limit)) is not None


def deep_error(index: int | None) -> FieldError:
    zh, en = f"嵌套超过 {DEPTH_MAX} 层", f"Nested deeper than {DEPTH_MAX} levels"
    return FieldError("", "too_deep", zh, en, index)


def _elements(body: bytes) -> Steps[list[bytes]]:
    """The elements of an array; all of it is JSON, or MalformedJson."""
    whole = body
    try:
        try:
            return (yield from _cut(body, body))
        except msgspec.DecodeError:
            yield from require_utf8(body)
            # To the decoder half a surrogate pair is malformed; it is JSON, wrong in one record.
            whole = yield from without_half_pairs(body)
            if whole == body:
                raise
            return (yield from _cut(body, whole))
    except RecursionError as error:
        yield from require_utf8(body)
        index = yield from _depth_passed(body, DEPTH_MAX + 1)
        raise Invalid(errors=[deep_error(index)]) from error
    except msgspec.DecodeError as error:
        place = _PLACE.search(str(error))
        at = place[1] if place else str(len(body))
        raise MalformedJson(
            f"请求体第 {at} 字节处不是合法的 JSON", f"The body is not JSON at byte {at}"
        ) from error


def _cut(body: bytes, readable: bytes) -> Steps[list[bytes]]:
    """The elements of the array `body`; `readable` is the same to the decoder's eye, byte by byte.

    Raises what the decoder raises.
    """
    if len(readable) > _COMMAS_MAX and readable.count(b",") > _COMMAS_MAX:
        _ANY.decode(readable)
        yield
        return (yield from _cut_by_token(body))
    raws = _ARRAY.decode(readable)
    return list(map(bytes, raws)) if readable is body else _same_places(body, readable, raws)


def _same_places(body: bytes, readable: bytes, raws: Sequence[msgspec.Raw]) -> list[bytes]:
    elements, end = [], body.index(b"[") + 1
    for raw in map(bytes, raws):
        # Between two elements stand a comma and white space only: the next such text is this one.
        start = readable.index(raw, end)
        end = start + len(raw)
        elements.append(body[start:end])
    return elements


def _cut_by_token(array: bytes) -> Steps[list[bytes]]:
    """The elements of an array that is JSON, one more than are allowed at most."""
    depth = start = 0
    elements: list[bytes] = []
    for count, token in enumerate(TOKEN.finditer(array), 1):
        if count % _TOKENS_AT_ONCE == 0:
            yield
        mark = token[0]
        depth += (mark in b"[{") - (mark in b"]}")
        if mark == b"[" and depth == 1:
            start = token.end()
        elif (mark == b"," and depth == 1) or (mark == b"]" and depth == 0):
            elements.append(array[start : token.start()].strip(BLANKS))
            start = token.end()
        if len(elements) > RECORDS_MAX:
            break
    return elements


def _depth_passed(text: bytes, limit: int) -> Steps[int | None]:
    """The place in the outermost array where the nesting first passes the limit."""
    depth = index = 0
    for count, token in enumerate(TOKEN.finditer(text), 1):
        if count % _TOKENS_AT_ONCE == 0:
            yield
        mark = token[0]
        if mark in b"[{":
            depth += 1
            if depth > limit:
                return index
        elif mark in b"]}":
            depth -= 1
        elif mark == b"," and depth == 1:
            index += 1
    return None


_ANY: Final = msgspec.json.Decoder(msgspec.Raw)


def _refuse_bare(body: bytes) -> None:
    if body.startswith(_BOM):
        raise MalformedJson(
            "请求体以字节顺序标记（BOM）开头，请去掉后重试",
            "The body begins with a byte order mark; send it without",
        )
    if not body.strip(BLANKS):
        raise EmptyBody


def _refuse_return(body: bytes) -> None:
    place = body.find(b"\r")
    if place >= 0:
        index = body.count(b"\n", 0, place)
        raise MalformedJson(
            f"第 {index} 条记录中有单独的回车符（CR），行须以 LF 或 CRLF 结束",
            f"Record {index} holds a carriage return; lines end with LF or CRLF",
        )


def _refuse_long(body: bytes, lines: list[bytes]) -> None:
    if len(body) <= LINE_BYTES_MAX:
        return
    for index, line in enumerate(lines):
        if len(line) > LINE_BYTES_MAX:
            raise LineTooLong(
                f"第 {index} 条记录有 {len(line)} 字节，上限 {LINE_BYTES_MAX} 字节",
                f"Record {index} has {len(line)} bytes, the limit is {LINE_BYTES_MAX}",
                limit=LINE_BYTES_MAX,
                index=index,
            )


def _too_many() -> TooManyRecords:
    return TooManyRecords(
        f"一次最多提交 {RECORDS_MAX} 条记录，请分批",
        f"At most {RECORDS_MAX} records in one request; split the batch",
        limit=RECORDS_MAX,
    )
