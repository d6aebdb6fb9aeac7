"""The rule of api.md section 5 written as plainly as can be, to compare the plan with.

It shares nothing with the plan but the model: another parser set-up, other calendars, other sums.
"""

import datetime as dt
import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from catalog.contracts.model import Checker, Contract, DataType, Field

Finding = set[tuple[str, str]]


class Written:
    """A JSON number as written."""

    def __init__(self, text: str) -> None:
        self.text = text


def check(contract: Contract, lines: list[bytes]) -> tuple[list[Finding], list[str | None]]:
    """For each line the (path, code) pairs that are wrong with it, and its key."""
    findings: list[Finding] = []
    keys: list[str | None] = []
    for line in lines:
        found, key = _record(contract, line)
        if key is not None and key in keys:
            found.add((",".join(field.name for field in contract.key_fields), "duplicate_key"))
        findings.append(found)
        keys.append(key)
    return findings, keys


def _record(contract: Contract, line: bytes) -> tuple[Finding, str | None]:
    if line.strip(b" \t\r") == b"":
        return {("", "empty_line")}, None
    try:
        members = json.loads(
            line.decode(),
            object_pairs_hook=lambda pairs: ("object", pairs),
            parse_int=Written,
            parse_float=Written,
            parse_constant=_no_constant,
        )
    except ValueError:
        return {("", "malformed_json")}, None
    if not (isinstance(members, tuple) and members[0] == "object"):
        return {("", "wrong_type")}, None
    return _members(contract, members[1])


def _members(contract: Contract, pairs: list[tuple[str, Any]]) -> tuple[Finding, str | None]:
    found: Finding = set()
    names = [name for name, _ in pairs]
    known = [field.name for field in contract.fields]
    for name in names:
        if name not in known:
            found.add((name, "unknown_item"))
        elif names.count(name) > 1:
            found.add((name, "duplicate_key"))
    values = dict(pairs)
    for field in contract.fields:
        must = field.required or field.key
        if field.name not in values:
            codes = {"missing"} if must else set()
        elif values[field.name] is None:
            codes = {"null_not_allowed"} if must else set()
        else:
            codes = _value(field, values[field.name])
        found |= {(field.name, code) for code in codes}
    wrong = {path for path, _ in found}
    parts = []
    for field in contract.key_fields:
        if field.name in wrong:
            return found, None
        parts.append(_key_text(values[field.name]))
    return found, "~".join(parts)


def _key_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value.text if isinstance(value, Written) else str(value)
    text = "0" if text == "-0" else text
    return text.replace("%", "%25").replace("~", "%7E")


def _value(field: Field, value: object) -> set[str]:
    if field.data_type is DataType.BOOLEAN:
        right = value is True or value is False
    elif field.data_type is DataType.INTEGER:
        if not isinstance(value, Written) or re.search(r"[.eE]", value.text):
            return {"wrong_type"}
        return _range(field, Decimal(value.text), Decimal(2**63 - 1), Decimal(-(2**63)))
    elif field.data_type is DataType.DECIMAL:
        return _decimal(field, value)
    elif not isinstance(value, str):
        return {"wrong_type"}
    elif field.data_type is DataType.DATE:
        right = _is_day(value)
    elif field.data_type is DataType.DATETIME:
        right = _is_moment(value)
    else:
        return _text(field, value)
    return set() if right else {"wrong_type"}


def _range(field: Field, value: Decimal, most: Decimal, least: Decimal | None = None) -> set[str]:
    least = -most if least is None else least
    low = least if field.minimum is None else max(least, field.minimum)
    high = most if field.maximum is None else min(most, field.maximum)
    return set() if low <= value <= high else {"out_of_range"}


def _decimal(field: Field, value: object) -> set[str]:
    text = value.text if isinstance(value, Written) else value
    if not isinstance(text, str):
        return {"wrong_type"}
    plain = re.fullmatch(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", text)
    if not plain and not isinstance(value, Written):
        return {"wrong_type"}
    try:
        number = Decimal(text)
    except InvalidOperation:
        return {"out_of_range"}
    if not plain:
        if abs(number.adjusted()) > 100:
            return {"out_of_range"} if number else _range(field, number, Decimal("Infinity"))
        text = f"{number:f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    whole, _, fraction = text.lstrip("-").partition(".")
    digits = len(whole.lstrip("0")), len(fraction)
    precision = field.precision or 38
    most = (precision - (field.scale or 0), precision if field.scale is None else field.scale)
    if digits[0] > most[0] or digits[1] > most[1] or sum(digits) > precision:
        return {"out_of_range"}
    return _range(field, number, Decimal("Infinity"))


def _is_day(value: str) -> bool:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return False
    try:
        dt.date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_moment(value: str) -> bool:
    form = r"([0-9-]{10})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]{1,9})?"
    zone = r"(?:[Zz]|[+-]([0-9]{2}):([0-9]{2}))"
    found = re.fullmatch(form + zone, value)
    if not found or not _is_day(found[1]):
        return False
    hours, minutes = int(found[5] or 0), int(found[6] or 0)
    clock = int(found[2]) < 24 and int(found[3]) < 60 and int(found[4]) < 60
    return clock and hours < 24 and minutes < 60


def _text(field: Field, value: str) -> set[str]:
    codes = set()
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        codes.add("pattern")
    if len(value) < max(field.min_length or 0, 1 if field.key else 0):
        codes.add("too_short")
    most = field.max_length or (1000 if field.pattern else None)
    if most is not None and len(value) > most:
        codes.add("too_long")
    elif field.pattern and ("\n" in value or not re.fullmatch(field.pattern, value, re.ASCII)):
        codes.add("pattern")
    if field.values is not None and value not in field.values:
        codes.add("not_in_code_list")
    if field.checker:
        codes |= _CHECKERS[field.checker](value)
    return codes


def _resident(value: str) -> set[str]:
    if not re.fullmatch(r"[1-9][0-9]{16}[0-9X]", value):
        return {"pattern"}
    # ISO 7064 MOD 11-2 as the standard states it: the weighted sum of all 18 is 1 modulo 11.
    values = [10 if character == "X" else int(character) for character in value]
    if sum(number * 2 ** (17 - place) for place, number in enumerate(values)) % 11 != 1:
        return {"check_digit"}
    day = f"{value[6:10]}-{value[10:12]}-{value[12:14]}"
    if not _is_day(day):
        return {"pattern"}
    today = dt.datetime.now(dt.timezone(dt.timedelta(hours=8))).date()
    return set() if value[6:10] >= "1850" and day <= today.isoformat() else {"out_of_range"}


def _uscc(value: str) -> set[str]:
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    shape = r"[123456789ANY][1-9][0-9]{6}"
    if len(value) != 18 or not re.match(shape, value) or set(value) - set(alphabet):
        return {"pattern"}
    total = sum(alphabet.index(mark) * 3**place for place, mark in enumerate(value[:17]))
    if (total + alphabet.index(value[17])) % 31 != 0:
        return {"check_digit"}
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    inner = 11 - sum(int(m, 36) * w for m, w in zip(value[8:16], weights, strict=True)) % 11
    return set() if value[16] == {10: "X", 11: "0"}.get(inner, str(inner)) else {"check_digit"}


def _division(value: str) -> set[str]:
    right = len(value) in {6, 9, 12} and set(value) <= set("0123456789") and value[:2] != "00"
    return set() if right else {"pattern"}


def _mobile(value: str) -> set[str]:
    return set() if re.fullmatch(r"1[3-9][0-9]{9}", value) else {"pattern"}


_CHECKERS = {
    Checker.RESIDENT_ID: _resident,
    Checker.USCC: _uscc,
    Checker.DIVISION_CODE: _division,
    Checker.MOBILE: _mobile,
}


def _no_constant(constant: str) -> None:
    raise ValueError(constant)
