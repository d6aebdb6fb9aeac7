"""FastAPI's validation errors in the project's own codes and languages."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from gateway.http.errors import RequestTimeout
from kernel.errors import (
    REPORTED_ERRORS_MAX,
    BadRequest,
    FieldError,
    Invalid,
    InvalidUtf8,
    MalformedJson,
    ShuyuanError,
    Text,
)

# Values of a choice that are listed with a refusal.
ALLOWED_MAX = 100
NAME_SHOWN_MAX = 64
_QUOTED = re.compile(r"'([^']*)'")

CODES: Mapping[str, tuple[str, Text]] = {
    "missing": ("missing", Text("缺少必填项", "is required")),
    "extra_forbidden": ("unknown_item", Text("未知的字段", "is not a known field")),
    "string_too_long": ("too_long", Text("过长", "is too long")),
    "too_long": ("too_long", Text("数量过多", "has too many entries")),
    "string_too_short": ("too_short", Text("过短", "is too short")),
    "too_short": ("too_short", Text("数量过少", "has too few entries")),
    "string_pattern_mismatch": ("pattern", Text("格式不符", "does not match the pattern")),
    "pattern": ("pattern", Text("含有不允许的字符", "holds characters that are not allowed")),
    "enum": ("not_in_code_list", Text("不是允许的取值", "is not one of the allowed values")),
    "union_tag_invalid": ("not_in_code_list", Text("不是允许的取值", "is not an allowed value")),
    "literal_error": ("not_in_code_list", Text("不是允许的取值", "is not an allowed value")),
    "greater_than_equal": ("out_of_range", Text("超出取值范围", "is out of range")),
    "greater_than": ("out_of_range", Text("超出取值范围", "is out of range")),
    "less_than_equal": ("out_of_range", Text("超出取值范围", "is out of range")),
    "less_than": ("out_of_range", Text("超出取值范围", "is out of range")),
    "check_digit": ("check_digit", Text("校验码不正确", "has a wrong check digit")),
    "out_of_range": ("out_of_range", Text("超出取值范围", "is out of range")),
    "int_parsing_size": ("out_of_range", Text("数字过长", "is a number of too many digits")),
    "too_deep": ("too_deep", Text("嵌套超过 32 层", "nests deeper than 32 levels")),
}
WRONG_TYPE = ("wrong_type", Text("类型不符", "has the wrong type"))


def refusal(error: RequestValidationError) -> ShuyuanError:
    """A broken body is a 422 with every place, an unreadable one or a bad parameter a 400."""
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return MalformedJson()
    in_body = any(item["loc"] and item["loc"][0] == "body" for item in found)
    kind = Invalid if in_body else BadRequest
    return kind(errors=_shown(found), error_count=len(found))


def unreadable(cause: BaseException | None) -> ShuyuanError:
    """Say why a body could not be parsed: FastAPI itself only says that it could not."""
    if isinstance(cause, ShuyuanError):
        return cause
    if isinstance(cause, TimeoutError):
        return RequestTimeout()
    if isinstance(cause, UnicodeDecodeError):
        return InvalidUtf8()
    if isinstance(cause, RecursionError):
        code, text = CODES["too_deep"]
        return Invalid(errors=[FieldError("", code, text.zh, text.en)])
    if isinstance(cause, ValueError):
        # Python refuses to read an integer of more than 4,300 digits.
        code, text = CODES["greater_than"]
        return Invalid(errors=[FieldError("", code, text.zh, text.en)])
    return BadRequest()


def of_body(error: ValidationError) -> Invalid:
    """Return the refusal of a body that FastAPI has not read, with its places as FastAPI's."""
    found = error.errors(include_url=False, include_input=False)
    in_body = [{**each, "loc": ("body", *each["loc"])} for each in found]
    return Invalid(errors=_shown(in_body), error_count=len(found))


def _shown(found: Sequence[Mapping[str, Any]]) -> list[FieldError]:
    """Return those that an answer has room for: to word thousands would hold the loop."""
    return [field_error(each) for each in found[:REPORTED_ERRORS_MAX]]


def field_error(item: Mapping[str, Any]) -> FieldError:
    code, text = CODES.get(item["type"], WRONG_TYPE)
    if item["type"] == "value_error":
        code, text = "pattern", Text(item["msg"], item["msg"])
    allowed = _allowed(item.get("ctx", {}))
    if item["type"] == "division_not_in_force":
        told = item["ctx"]
        code, text = "not_in_code_list", Text(told["zh"], told["en"])
        allowed = tuple(told["values"])
    return FieldError(path(item["loc"][1:]), code, text.zh, text.en, allowed=allowed)


def _allowed(context: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the values of a choice, which Pydantic lists in a sentence: `'a', 'b' or 'c'`."""
    listed = context.get("expected_tags") or context.get("expected")
    if not isinstance(listed, str):
        return ()
    return tuple(_QUOTED.findall(listed))[:ALLOWED_MAX]


def unknown_parameter(name: str) -> FieldError:
    excerpt = name if len(name) <= NAME_SHOWN_MAX else name[:NAME_SHOWN_MAX] + "…"
    return FieldError(excerpt, "unknown_item", "未知的查询参数", "is not a known query parameter")


def path(location: Sequence[object]) -> str:
    """Join a location to `items[2].name`."""
    joined = ""
    for part in location:
        joined += f"[{part}]" if isinstance(part, int) else f".{part}"
    return joined.lstrip(".")
