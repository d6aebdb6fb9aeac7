"""Unions of plain types are one schema of several types, and mean the same."""

import copy
from typing import Any

import jsonschema_rs
import pytest

from gateway.openapi_unions import merge_unions

TEXT_OR_LIST: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "maxLength": 3},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
        {"type": "null"},
    ],
    "description": "either",
}
ONE_OR_MANY: dict[str, Any] = {"anyOf": [{"type": "object"}, {"type": "array"}]}
VALUES: list[Any] = ["abc", "abcd", ["abcd"], [], [1], None, 1, {}, {"a": 1}, [{}], True]


@pytest.mark.parametrize("union", [TEXT_OR_LIST, ONE_OR_MANY])
def test_a_union_with_a_list_becomes_one_schema_that_takes_the_same(union: dict[str, Any]) -> None:
    merged = {"properties": {"a": copy.deepcopy(union)}}
    merge_unions(merged)
    one = merged["properties"]["a"]
    assert "anyOf" not in one
    assert one.get("description") == union.get("description")
    for value in VALUES:
        assert jsonschema_rs.is_valid(one, value) == jsonschema_rs.is_valid(union, value), value


@pytest.mark.parametrize(
    "union",
    [
        [{"type": "string"}, {"type": "null"}],
        [{"type": "array"}, {"type": "null"}],
        [{"type": "array"}, {"$ref": "#/components/schemas/A"}],
        [{"type": "array"}, {"type": "string", "enum": ["a"]}],
        [{"type": "array"}, {"type": "integer", "minimum": 1}, {"type": "number", "minimum": 0}],
        [{"type": "array"}, {"type": "string"}, {"type": "string", "format": "date"}],
    ],
)
def test_what_would_be_mixed_stays(union: list[dict[str, Any]]) -> None:
    described = {"anyOf": copy.deepcopy(union)}
    merge_unions(described)
    assert described == {"anyOf": union}
