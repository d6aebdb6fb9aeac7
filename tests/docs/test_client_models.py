"""The client's models are what OpenAPI describes."""

import typing
from typing import Any

import msgspec
import pytest

from shuyuan_client import models

DESCRIBED: dict[type[msgspec.Struct], str] = {
    models.FieldError: "ProblemError",
    models.Run: "PositionView",
    models.Receipt: "ReceiptView",
    models.Line: "RecordView",
}


@pytest.mark.parametrize(("model", "name"), DESCRIBED.items(), ids=str)
def test_a_model_has_the_fields_of_its_schema(
    openapi: dict[str, Any], model: type[msgspec.Struct], name: str
) -> None:
    schema = openapi["components"]["schemas"][name]
    fields = {field.name: field for field in msgspec.structs.fields(model)}
    assert fields.keys() == schema["properties"].keys()
    assert {field.name for field in fields.values() if field.required} == set(schema["required"])
    for field in fields.values():
        assert _kinds(field.type) == _types(schema["properties"][field.name]), field.name


def test_operations_of_records_are_named_by_verbs(openapi: dict[str, Any]) -> None:
    named = {
        operation.get("operationId")
        for methods in openapi["paths"].values()
        for operation in methods.values()
    }
    assert named >= {
        "publishRecords", "pullRecords", "listReceipts", "getReceipt", "commitPosition",
        "rewindSubscription",
    }  # fmt: skip


NAMES = {str: "string", int: "integer", list: "array", dict: "object", type(None): "null"}


def _kinds(annotation: Any) -> set[str]:  # noqa: ANN401 - of typing
    if typing.get_origin(annotation) is typing.Literal:
        return {"string"}
    of_union = typing.get_args(annotation) if typing.get_origin(annotation) not in NAMES else ()
    parts = of_union or (annotation,)
    return {NAMES[typing.get_origin(part) or part] for part in parts}


def _types(schema: dict[str, Any]) -> set[str]:
    return {each["type"] for each in schema.get("anyOf", [schema])}
