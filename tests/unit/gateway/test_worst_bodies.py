"""No body makes more errors than one step of the loop can tell (P11).

870 KB of lines in a bundle, each with filters of a thousand choices of the wrong type, made
739,000 errors and held the loop for seven seconds; 80 KB to a query held it for 0.6.
"""

import inspect
import json
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import annotated_types
import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from gateway import app, strict_json
from gateway.hot.lookups import QueryBody, VerifyBody
from gateway.routing import api_routes
from kernel.errors import Invalid

# Each takes some microseconds to make and to word.
ERRORS_MAX = 6_000
BYTES_MAX = 900_000
DEPTH_MAX = 6
OFTEN = 3_000
# What no field takes: as few bytes as can be wrong.
WRONG: list[Any] = []


def worst(kind: Any, meta: Sequence[Any] = (), depth: int = 0) -> Any:  # noqa: ANN401
    """Return a value of which as much as there is room for is wrong."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        return worst(parts[0], (*meta, *parts[1:]), depth)
    if origin in (typing.Union, types.UnionType):
        return max(
            (worst(part, meta, depth) for part in parts), key=lambda one: len(json.dumps(one))
        )
    if origin is list:
        inner = worst(parts[0], (), depth + 1)
        return [inner] * _how_many(meta, inner)
    if origin is dict:
        inner = worst(parts[1], (), depth + 1)
        return {f"k{number}": inner for number in range(_how_many(meta, inner))}
    if inspect.isclass(kind) and issubclass(kind, BaseModel) and depth < DEPTH_MAX:
        return {
            name: worst(field.annotation, field.metadata, depth + 1)
            for name, field in kind.model_fields.items()
        }
    return WRONG


def _how_many(meta: Sequence[Any], inner: object) -> int:
    limits = [limit for each in meta for limit in _limits(each)]
    return min([*limits, OFTEN, max(1, BYTES_MAX // (len(json.dumps(inner)) + 8))])


def _limits(meta: Any) -> Iterator[int]:  # noqa: ANN401 - whatever stands in an annotation
    if isinstance(meta, annotated_types.MaxLen):
        yield meta.max_length
    for each in getattr(meta, "metadata", ()):
        yield from _limits(each)


def bodies() -> Iterator[tuple[str, Any]]:
    for route in api_routes(app.create().routes):
        if route.body_field is not None:
            field = route.body_field.field_info
            kind = Annotated[(field.annotation, *field.metadata)] if field.metadata else None
            yield f"{min(route.methods or ())} {route.path}", kind or field.annotation
    yield "hot query", QueryBody
    yield "hot verify", VerifyBody


BODIES = dict(bodies())


@pytest.mark.parametrize("operation", BODIES)
def test_the_worst_body_makes_few_errors(operation: str) -> None:
    kind = BODIES[operation]
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(kind).validate_python(worst(kind))
    assert refused.value.error_count() <= ERRORS_MAX


@pytest.mark.parametrize(
    "body",
    [
        b'{"items":[' + b",".join([b"{}"] * strict_json.VALUES_MAX) + b"]}",
        json.dumps({f"k{n}": 0 for n in range(strict_json.MEMBERS_MAX + 1)}).encode(),
        json.dumps([[{f"k{n}": 0 for n in range(strict_json.MEMBERS_MAX + 1)}]]).encode(),
    ],
)
async def test_too_many_values_are_refused_before_they_are_read(body: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        await strict_json.check(body)
    assert [error.code for error in refused.value.errors] == ["too_long"]


async def test_commas_and_brackets_in_texts_are_no_values() -> None:
    await strict_json.check(json.dumps({"reason": '[{,}]\\"' * strict_json.VALUES_MAX}).encode())
