"""Management bodies are read strictly: UTF-8 without a mark, no name twice, numbers of some size.

FastAPI reads the same bytes again; what only one of several readers would take never gets there.
A C reader and a few counts tell that nothing is wrong. Otherwise an exact reader says what is, and
where: in a thread, since its steps are Python's and let the loop have its turns.
"""

import asyncio
import json
import math
import re
from collections import Counter
from collections.abc import Collection, Iterator
from decimal import Decimal
from itertools import islice
from typing import Any, Final

import orjson

from catalog.contracts.decoding import members_at_most
from kernel.errors import FieldError, Invalid, InvalidUtf8, MalformedJson, Text
from kernel.turns import Steps, unhurried
from kernel.wire import DEPTH_MAX, is_plain

DIGITS_MAX: Final = 1_000
# Whatever is wrong with each of so many is told within a step of P11, and read within one.
MEMBERS_MAX: Final = 1_000
VALUES_MAX: Final = 25_000
FAULTS_MAX: Final = 1_000
# Nodes that are looked at between two turns of the loop.
AT_ONCE: Final = 2_000
_UNSHOWN: Final = "\N{REPLACEMENT CHARACTER}"
_BOM: Final = b"\xef\xbb\xbf"
_AS_ZERO: Final = bytes(ord("0") if chr(code).isdigit() else code for code in range(128)) + bytes(
    range(128, 256)
)
_LONG: Final = b"0" * DIGITS_MAX
# What a double may not hold has at least so many digits, or is very small.
_MAY_BE_CUT: Final = re.compile(rb"[0-9][0-9.]{15}|[eE]-[0-9]{3}")
# What may open or close something, a run of brackets as one; and the ends of strings.
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_BRACKETS: Final = re.compile(rb"[\[\]{}]++")
_TEXTS: Final = {
    "duplicate_key": Text("同一对象中名称重复", "stands twice in the object"),
    "out_of_range": Text(
        "数字过长，小数请写成字符串", "is a number of too many digits: write decimals as strings"
    ),
    "wrong_type": Text("不是有效的数值", "is not a number"),
    "pattern": Text("含有不允许的字符", "holds characters that are not allowed"),
    "too_long": Text("数量过多", "has too many entries"),
    "too_deep": Text("嵌套超过 32 层", "nests deeper than 32 levels"),
}


class _Fault:
    """Stands in the place of a value that cannot be taken, with the code that says why."""

    __slots__ = ("code",)

    def __init__(self, code: str) -> None:
        self.code = code


class _Doubled(dict[str, object]):
    """An object with a name that stands twice."""

    repeated: str = ""


async def check(body: bytes, values_max: int = VALUES_MAX) -> None:
    """Raise InvalidUtf8, MalformedJson, or Invalid with the path of everything that is wrong.

    A body has `values_max` values at most and each object MEMBERS_MAX members: a reader would else
    hold the loop for a second, and make an error of each.
    """
    if _values_at_most(body) > values_max:
        # Commas and brackets may stand in strings.
        bare = await asyncio.to_thread(_STRING.sub, b'""', body)
        if _values_at_most(bare) > values_max:
            raise Invalid(errors=[_error("", "too_long")])
    if not await unhurried(_is_plainly_right(body)):
        async with _one_at_a_time():
            await asyncio.to_thread(read_exactly, body)


def _values_at_most(body: bytes) -> int:
    """Count the commas and brackets, of which all values but the outermost need one."""
    return body.count(b",") + body.count(b"{") + body.count(b"[")


_WAITING: dict[int, asyncio.Lock] = {}


def _one_at_a_time() -> asyncio.Lock:
    """Return the lock of this loop: a worker has one, a test one for each."""
    loop = id(asyncio.get_running_loop())
    if loop not in _WAITING:
        _WAITING.clear()
        _WAITING[loop] = asyncio.Lock()
    return _WAITING[loop]


def _is_plainly_right(body: bytes) -> Steps[bool]:
    """Whether nothing can be wrong; where it is False, something may be."""
    if b"\\u" in body or _LONG in body.translate(_AS_ZERO) or not _is_plain_text(body):
        return False
    yield
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    yield
    may_be_cut = _MAY_BE_CUT.search(body) is not None
    yield
    # Of a name that stands twice the reader keeps one, and the text counts both.
    members = yield from _members(value, may_be_cut=may_be_cut)
    return members == members_at_most(body)


def _is_plain_text(body: bytes) -> bool:
    try:
        return is_plain(body.decode())
    except UnicodeDecodeError:
        return False


def _members(value: object, *, may_be_cut: bool) -> Steps[int]:
    """Count the members of all objects, level by level; -1 where they nest too deeply.

    And where one has too many, or a number stands that may be another than was written.
    """
    level, members, seen = [value], 0, 0
    for _depth in range(DEPTH_MAX):
        below: list[object] = []
        for each in level:
            inner: Collection[object]
            if isinstance(each, dict):
                members += len(each)
                if len(each) > MEMBERS_MAX:
                    return -1
                inner = each.values()
            elif isinstance(each, list):
                inner = each
            else:
                continue
            if may_be_cut and float in map(type, inner):
                return -1
            below += [item for item in inner if isinstance(item, dict | list)]
            seen += len(inner)
            if seen > AT_ONCE:
                seen = 0
                yield
        if not below:
            return members
        level = below
    return -1


def read_exactly(body: bytes) -> None:
    """Find what is wrong with a body, if anything is, and raise it."""
    text = _text(body)
    if _too_deep(body):
        raise Invalid(errors=[_error("", "too_deep")])
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_int=_whole, parse_float=_float,
            parse_constant=_constant,
        )  # fmt: skip
    except ValueError:
        raise MalformedJson from None
    except RecursionError:
        raise Invalid(errors=[_error("", "too_deep")]) from None
    errors = list(islice(_faults(value, ""), FAULTS_MAX))
    if errors:
        raise Invalid(errors=errors)


def _text(body: bytes) -> str:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise InvalidUtf8 from None
    if body.startswith(_BOM):
        raise InvalidUtf8("请求体不得带字节顺序标记", "The body begins with a byte order mark")
    return text


def _too_deep(body: bytes) -> bool:
    """Whether brackets nest too deeply, asked before a reader recurses into them."""
    depth = 0
    for run in _BRACKETS.finditer(_STRING.sub(b'""', body)):
        for mark in run[0]:
            depth += 1 if mark in b"[{" else -1
            if depth > DEPTH_MAX:
                return True
    return False


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) == len(pairs):
        return members
    doubled = _Doubled(members)
    counts = Counter(name for name, _value in pairs)
    doubled.repeated = counts.most_common(1)[0][0]
    return doubled


def _whole(digits: str) -> object:
    return int(digits) if len(digits) <= DIGITS_MAX else _Fault("out_of_range")


def _float(digits: str) -> object:
    number = float(digits)
    if not math.isfinite(number):
        return _Fault("wrong_type")
    # Another number than was written would be filtered by, compared with, or kept.
    if len(digits) > DIGITS_MAX or Decimal(digits) != Decimal(repr(number)):
        return _Fault("out_of_range")
    return number


def _constant(_name: str) -> object:
    return _Fault("wrong_type")


def _faults(value: Any, path: str) -> Iterator[FieldError]:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        if not is_plain(value):
            yield _error(path, "pattern")
    elif isinstance(value, _Fault):
        yield _error(path, value.code)
    elif isinstance(value, dict):
        yield from _faults_of_members(value, path)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _faults(item, f"{path}[{place}]")


def _faults_of_members(value: dict[str, Any], path: str) -> Iterator[FieldError]:
    if len(value) > MEMBERS_MAX:
        yield _error(path, "too_long")
        return
    if isinstance(value, _Doubled):
        repeated = value.repeated if is_plain(value.repeated) else _UNSHOWN
        yield _error(_joined(path, repeated), "duplicate_key")
    for name, item in value.items():
        if is_plain(name):
            yield from _faults(item, _joined(path, name))
        else:
            yield _error(_joined(path, _UNSHOWN), "pattern")


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _error(path: str, code: str) -> FieldError:
    text = _TEXTS[code]
    return FieldError(path, code, text.zh, text.en)
