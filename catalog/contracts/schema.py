"""A contract as JSON Schema 2020-12, for providers and consumers to check records by themselves.

What a schema cannot say stays with the plan: check digits (annotated as `x-checker`), the range of
a decimal written as a string, NUL, duplicate names and keys.
"""

from decimal import Decimal
from typing import Final

from catalog.contracts.model import Contract, DataType, Field
from catalog.contracts.numbers import decimal_bounds, integer_bounds
from catalog.contracts.patterns import portable
from catalog.contracts.rules import lengths

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
            return {"type": "string", "format": "date"}
        case DataType.DATETIME:
            return {"type": "string", "format": "date-time"}
        case DataType.STRING | DataType.CODE:
            return _text(field)


def _text(field: Field) -> Schema:
    schema: Schema = {"type": "string"}
    least, most = lengths(field)
    if least:
        schema["minLength"] = least
    if most is not None:
        schema["maxLength"] = most
    if field.pattern is not None:
        schema["pattern"] = f"^(?:{portable(field.pattern)})$"
    if field.values is not None:
        schema["enum"] = list(field.values)
    if field.checker:
        schema["x-checker"] = field.checker.value
    return schema


def _decimal(field: Field) -> Schema:
    bounds = decimal_bounds(field)
    schema: Schema = {
        "type": ["string", "number"],
        "pattern": f"^{bounds.pattern()}$",
        "exclusiveMinimum": -(10**bounds.whole),
        "exclusiveMaximum": 10**bounds.whole,
    }
    if field.scale is not None:
        schema["multipleOf"] = _number(Decimal(1).scaleb(-field.scale))
    if field.minimum is not None:
        schema["minimum"] = _number(field.minimum)
    if field.maximum is not None:
        schema["maximum"] = _number(field.maximum)
    return schema


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
