"""A body cut into the lines of its records, with the limits of api.md section 5."""

import json
import re
from collections.abc import Sequence
from typing import Final, NoReturn

import msgspec

from catalog.contracts.errors import EmptyBody, LineTooLong, TooManyRecords
from kernel.errors import FieldError, Invalid, InvalidUtf8, MalformedJson

RECORDS_MAX: Final = 10_000
LINE_BYTES_MAX: Final = 1024 * 1024
DEPTH_MAX: Final = 32

_BOM: Final = b"\xef\xbb\xbf"
_SPACE: Final = b" \t\r\n"
_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?+|[\[\]{},]', re.DOTALL)
# The decoder calls half a surrogate pair malformed; it is JSON, and wrong in one record only.
_HALF_PAIR: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_PLACE: Final = re.compile(r"\(byte (\d+)\)")
_ARRAY: Final = msgspec.json.Decoder(list[msgspec.Raw])


def split_ndjson(body: bytes) -> list[bytes]:
    """The lines without their ends; LF or CRLF, and the last may have none.

    Raises EmptyBody, TooManyRecords, LineTooLong, MalformedJson (byte order mark).
    """
    _refuse_bare(body)
    if b"\r" in body:
        body = body.replace(b"\r\n", b"\n")
    # Cut no further than needed to know that there are too many.
    lines = body.split(b"\n", RECORDS_MAX + 1)
    if not lines[-1]:
        lines.pop()
    if len(lines) > RECORDS_MAX:
        raise _too_many()
    _refuse_long(body, lines)
    return lines


def split_json(body: bytes) -> list[bytes]:
    """The records of an array, or the one value of the body, each on a line of its own.

    Raises EmptyBody, TooManyRecords, LineTooLong, MalformedJson, InvalidUtf8, Invalid (`too_deep`).
    """
    _refuse_bare(body)
    start = body.lstrip(_SPACE)[:1]
    raws = _elements(body) if start == b"[" else [body.strip(_SPACE)]
    if not raws:
        raise EmptyBody
    if len(raws) > RECORDS_MAX:
        raise _too_many()
    lines = list(map(bytes, raws))
    if b"\n" in body or b"\r" in body:
        # Raw line breaks cannot stand inside a JSON string, so these are all white space.
        lines = [line.replace(b"\n", b" ").replace(b"\r", b" ") for line in lines]
    _refuse_long(body, lines)
    return lines


def require_utf8(body: bytes) -> None:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        place = error.start
        raise InvalidUtf8(
            f"请求体第 {place} 字节处不是合法的 UTF-8", f"The body is not UTF-8 at byte {place}"
        ) from error


def too_deep(text: bytes, limit: int = DEPTH_MAX) -> bool:
    """Whether arrays and objects nest deeper than `limit`; linear in time, no recursion."""
    if text.count(b"[") + text.count(b"{") <= limit:
        return False
    return _depth_passed(text, limit) is not None


def _elements(body: bytes) -> Sequence[msgspec.Raw | bytes]:
    try:
        return _ARRAY.decode(body)
    except RecursionError as error:
        index = _depth_passed(body, DEPTH_MAX + 1)
        raise Invalid(errors=[deep_error(index)]) from error
    except msgspec.DecodeError as error:
        require_utf8(body)
        if _HALF_PAIR.search(body) and _is_json(body):
            return _cut(body)
        place = _PLACE.search(str(error))
        at = place[1] if place else str(len(body))
        raise MalformedJson(
            f"请求体第 {at} 字节处不是合法的 JSON", f"The body is not JSON at byte {at}"
        ) from error


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body.decode(), parse_int=str, parse_float=str, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return False
    return True


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _cut(array: bytes) -> list[bytes]:
    """The elements of a valid array, not empty, that holds what msgspec will not read."""
    depth = start = 0
    elements = []
    for token in _TOKEN.finditer(array):
        mark = token[0]
        depth += (mark in b"[{") - (mark in b"]}")
        if mark == b"[" and depth == 1:
            start = token.end()
        elif (mark == b"," and depth == 1) or (mark == b"]" and depth == 0):
            elements.append(array[start : token.start()].strip(_SPACE))
            start = token.end()
    return elements


def deep_error(index: int | None) -> FieldError:
    zh, en = f"嵌套超过 {DEPTH_MAX} 层", f"Nested deeper than {DEPTH_MAX} levels"
    return FieldError("", "too_deep", zh, en, index)


def _depth_passed(text: bytes, limit: int) -> int | None:
    """The place in the outermost array where the nesting first passes the limit."""
    depth = index = 0
    for token in _TOKEN.finditer(text):
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


def _refuse_bare(body: bytes) -> None:
    if body.startswith(_BOM):
        raise MalformedJson(
            "请求体以字节顺序标记（BOM）开头，请去掉后重试",
            "The body begins with a byte order mark; send it without",
        )
    if not body.strip(_SPACE):
        raise EmptyBody


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
