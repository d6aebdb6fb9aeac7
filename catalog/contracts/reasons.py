"""Sentences that say why a value is refused: the item by its label, the bound, never the value."""

from collections.abc import Mapping, Sequence
from typing import Final

from catalog.contracts.model import Checker, Field
from catalog.contracts.rules import TEXT, lengths
from kernel.errors import FieldError, Text
from kernel.identifiers import BORN_FROM_YEAR

# Told apart here only: in public these are `pattern` and `duplicate_key`.
TWICE: Final = "twice"
_PUBLIC: Final = {TEXT: "pattern", TWICE: "duplicate_key"}
ALLOWED_MAX: Final = 100
ALLOWED_BYTES_MAX: Final = 1024
"""A longer code list is not told with an error: an answer lists a hundred of them."""

_SENTENCES: Final[Mapping[str, Text]] = {
    "missing": Text("“{label}”必填", "{label} is required"),
    "null_not_allowed": Text("“{label}”不可为空值", "{label} must not be null"),
    "wrong_type": Text("“{label}”应为{type_zh}", "{label} must be {type_en}"),
    "too_short": Text(
        "“{label}”至少 {min_length} 个字符", "{label} has under {min_length} characters"
    ),
    "too_long": Text(
        "“{label}”至多 {max_length} 个字符", "{label} has over {max_length} characters"
    ),
    "pattern": Text("“{label}”的格式不正确", "{label} has not the required format"),
    TEXT: Text("“{label}”含空字符或残缺的字符", "{label} holds a NUL or half a surrogate pair"),
    "out_of_range": Text("“{label}”超出范围：{range_zh}", "{label} is out of range: {range_en}"),
    "not_in_code_list": Text("“{label}”不在代码集内", "{label} is not in the code list in force"),
    "check_digit": Text("“{label}”的校验码不正确", "The check digit of {label} is wrong"),
    TWICE: Text("“{label}”在同一条记录中重复出现", "{label} stands twice in one record"),
}

_OF_MANY: Final = Text(
    "“{label}”不在代码集内，可用的 {count} 个代码见该资源的“契约和示例”",
    "{label} is not in the code list in force; its {count} codes are in the contract",
)

_TYPES: Final[Mapping[str, Text]] = {
    "string": Text("字符串", "a string"),
    "code": Text("代码（字符串）", "a code (a string)"),
    "integer": Text("整数", "an integer"),
    "decimal": Text("十进制数（字符串或数字）", "a decimal, as a string or a number"),
    "boolean": Text("true 或 false", "true or false"),
    "date": Text("YYYY-MM-DD 格式的真实日期", "a real date as YYYY-MM-DD"),
    "datetime": Text("带时区的 RFC 3339 时间", "an RFC 3339 time with offset"),
}

_SHAPES: Final[Mapping[Checker, Text]] = {
    Checker.RESIDENT_ID: Text(
        "“{label}”应为 18 位公民身份号码", "{label} must be an 18-character ID"
    ),
    Checker.USCC: Text(
        "“{label}”应为 18 位统一社会信用代码", "{label} must be an 18-character USCC"
    ),
    Checker.DIVISION_CODE: Text(
        "“{label}”应为 6、9 或 12 位行政区划代码",
        "{label} must be a 6, 9 or 12-digit division code",
    ),
    Checker.MOBILE: Text(
        "“{label}”应为 11 位手机号码", "{label} must be an 11-digit mobile number"
    ),
}


_OF_RECORD: Final[Mapping[str, Text]] = {
    "malformed_json": Text("该行不是合法的 JSON", "The line is not JSON"),
    "wrong_type": Text("记录应为 JSON 对象", "A record must be a JSON object"),
    "empty_line": Text("空行不是记录", "A blank line is not a record"),
    "unknown_item": Text("契约中没有此信息项", "The contract has no such item"),
    "duplicate_key": Text("同一批次中主键重复", "The key stands twice in this batch"),
    "too_long": Text("主键过长", "The key is too long"),
}


class Reasons:
    """The sentences of one item, made once."""

    def __init__(self, field: Field, codes: Sequence[str] = ()) -> None:
        self.path = field.name
        self._allowed = {"not_in_code_list": _told(codes)}
        min_length, max_length = lengths(field)
        kind = _TYPES[field.data_type]
        bounds = _bounds(field)
        facts = {
            "label": field.label,
            "type_zh": kind.zh,
            "type_en": kind.en,
            "min_length": min_length,
            "max_length": max_length,
            "range_zh": bounds.zh,
            "range_en": bounds.en,
        }
        sentences = dict(_SENTENCES)
        if codes and not self._allowed["not_in_code_list"]:
            sentences["not_in_code_list"] = _OF_MANY
            facts["count"] = len(codes)
        if field.checker and field.pattern is None:
            sentences["pattern"] = _SHAPES[field.checker]
        self._texts = {code: sentence(**facts) for code, sentence in sentences.items()}

    def error(self, code: str, index: int) -> FieldError:
        text = self._texts[code]
        allowed = self._allowed.get(code, ())
        return FieldError(self.path, _PUBLIC.get(code, code), text.zh, text.en, index, allowed)


def of_record(code: str, path: str, index: int) -> FieldError:
    text = _OF_RECORD[code]
    return FieldError(path, code, text.zh, text.en, index)


def _told(codes: Sequence[str]) -> tuple[str, ...]:
    """Return all codes, or none where they are too many to be told."""
    short = len(codes) <= ALLOWED_MAX and sum(len(c.encode()) for c in codes) <= ALLOWED_BYTES_MAX
    return tuple(codes) if short else ()


def _bounds(field: Field) -> Text:
    if field.checker is Checker.RESIDENT_ID:
        zh_born = f"出生日期不早于 {BORN_FROM_YEAR} 年，不晚于今日"
        return Text(zh_born, f"born in {BORN_FROM_YEAR} or later, and not after today")
    zh, en = [], []
    if field.minimum is not None:
        zh.append(f"不小于 {field.minimum}")
        en.append(f"at least {field.minimum}")
    if field.maximum is not None:
        zh.append(f"不大于 {field.maximum}")
        en.append(f"at most {field.maximum}")
    if field.precision is not None:
        zh.append(f"至多 {field.precision} 位数字")
        en.append(f"at most {field.precision} digits")
    if field.scale is not None:
        zh.append(f"至多 {field.scale} 位小数")
        en.append(f"at most {field.scale} decimal places")
    return Text("，".join(zh) or "64 位整数", ", ".join(en) or "64-bit integers")
