"""A contract as JSON Schema 2020-12, for providers and consumers to check records by themselves.

A record that the plan accepts is accepted by the schema. Some that the schema accepts are refused
by the plan, which says what a schema cannot: check digits and birth dates (`x-checker`), names and
keys that stand twice, keys of over 1,024 bytes, half a surrogate pair, an integer written as `1.0`,
and of a decimal the range where it is a string, the digits where it is a number (`multipleOf` of a
fraction is reckoned in doubles by many validators, which then refuse 0.07). A test holds the list.
"""

from decimal import Decimal
from typing import Final

from catalog.contracts.dates import DAY, MOMENT
from catalog.contracts.keys import KEY_BYTES_MAX
from catalog.contracts.model import Contract, DataType, Field
from catalog.contracts.numbers import decimal_bounds, integer_bounds
from catalog.contracts.patterns import portable
from catalog.contracts.rules import lengths
from catalog.rules.checkers import SHAPES

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, object]


def json_schema(contract: Contract) -> Schema:
    """The schema of one record; raises UnsafePattern."""
    return {
        "$schema": _DIALECT,
        "$id": f"urn:shuyuan:resource:{contract.resource_id}:{contract.version}",
        "title": contract.title,
        "type": "object",
        "properties": {field.name: _item(field) for field in contract.fields},
        "required": [field.name for field in contract.fields if field.mandatory],
        "additionalProperties": False,
        "x-key": [field.name for field in contract.key_fields],
    }


def _item(field: Field) -> Schema:
    value = _value(field)
    if not field.mandatory:
        types = value["type"]
        value["type"] = [*(types if isinstance(types, list) else [types]), "null"]
        if isinstance(codes := value.get("enum"), list):
            value["enum"] = [*codes, None]
    schema: Schema = {"title": field.label, **value}
    if field.key:
        schema["x-key"] = True
    return schema


def _value(field: Field) -> Schema:
    match field.data_type:
        case DataType.INTEGER:
            low, high = integer_bounds(field)
            return {"type": "integer", "minimum": low, "maximum": high}
        case DataType.DECIMAL:
            return _decimal(field)
        case DataType.BOOLEAN:
            return {"type": "boolean"}
        case DataType.DATE:
            return {"type": "string", "format": "date", "pattern": _whole(DAY)}
        case DataType.DATETIME:
            # Without leap seconds, and with nine decimals at most.
            return {"type": "string", "format": "date-time", "pattern": _whole(MOMENT)}
        case DataType.STRING | DataType.CODE:
            return _text(field)


def _text(field: Field) -> Schema:
    schema: Schema = {"type": "string"}
    least, most = lengths(field)
    if least:
        schema["minLength"] = least
    if field.key:
        most = KEY_BYTES_MAX if most is None else min(most, KEY_BYTES_MAX)
    if most is not None:
        schema["maxLength"] = most
    if field.pattern is not None:
        schema["pattern"] = _whole(portable(field.pattern))
    if field.values is not None:
        schema["enum"] = list(field.values)
    else:
        # No text column keeps a NUL.
        schema["not"] = {"type": "string", "pattern": "\\x00"}
    if field.checker:
        schema["x-checker"] = field.checker.value
        # Beside a pattern that the element may have of its own.
        schema["allOf"] = [{"pattern": _whole(SHAPES[field.checker])}]
    return schema


def _decimal(field: Field) -> Schema:
    bounds = decimal_bounds(field)
    schema: Schema = {
        "type": ["string", "number"],
        "pattern": _whole(bounds.pattern()),
        "exclusiveMinimum": -(10**bounds.whole),
        "exclusiveMaximum": 10**bounds.whole,
    }
    if field.scale == 0:
        schema["multipleOf"] = 1
    if field.minimum is not None:
        schema["minimum"] = _number(field.minimum)
    if field.maximum is not None:
        schema["maximum"] = _number(field.maximum)
    return schema


def _whole(pattern: str) -> str:
    """The pattern of a whole value: `$` alone lets Python take a line break behind it."""
    return rf"^(?:{pattern})$(?!\n)"


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
