"""Judges an example request by the OpenAPI document: its route, its parameters, its body."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

# What a reader puts in: a variable of the shell, a name in braces or angle brackets, an ellipsis.
PLACEHOLDER = re.compile(r"\$\w+|\$\{\w+\}|\{[\w/ ]*\}|<[^<>]+>|…")
TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


@dataclass(frozen=True)
class Request:
    """A request that a page shows; `body` is JSON that was read, or None."""

    method: str
    path: str
    query: tuple[str, ...] = ()
    body: Any = None
    form: tuple[str, ...] = field(default=())


def faults(request: Request, openapi: Mapping[str, Any]) -> list[str]:
    """Return what the document does not know of the request, in words; empty where it fits."""
    operation = _operation(request, openapi["paths"])
    if operation is None:
        return [f"no such route: {request.method} {request.path}"]
    return [*_unknown_parameters(request, operation), *_body_faults(request, operation, openapi)]


def _operation(request: Request, paths: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the operation whose path fits with the fewest placeholders of its own."""
    fitting = [path for path in paths if _fits(request.path, path)]
    # HEAD is answered wherever GET is (docs/api.md section 1).
    method = {"head": "get"}.get(request.method.lower(), request.method.lower())
    served = [path for path in fitting if method in paths[path]]
    if not served:
        return None
    found: Mapping[str, Any] = paths[min(served, key=lambda path: path.count("{"))][method]
    return found


def _fits(asked: str, path: str) -> bool:
    asked_parts, parts = asked.split("/"), path.split("/")
    return len(asked_parts) == len(parts) and all(map(_part_fits, asked_parts, parts))


def _part_fits(asked: str, part: str) -> bool:
    pattern = re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(part))
    if PLACEHOLDER.fullmatch(asked):
        return "{" in part
    return re.fullmatch(pattern, asked) is not None


def _unknown_parameters(request: Request, operation: Mapping[str, Any]) -> Iterator[str]:
    known = {p["name"] for p in operation.get("parameters", []) if p["in"] == "query"}
    for name in request.query:
        if name not in known:
            yield f"no parameter {name}: {request.method} {request.path}"


def _body_faults(
    request: Request, operation: Mapping[str, Any], openapi: Mapping[str, Any]
) -> Iterator[str]:
    content = operation.get("requestBody", {}).get("content", {})
    if request.form:
        schema = content.get("multipart/form-data", content.get(_FORM, {})).get("schema", {})
        known = _resolved(schema, openapi).get("properties", {})
        yield from (f"no part {name}" for name in request.form if name not in known)
    if request.body is not None:
        if "application/json" not in content:
            yield f"takes no JSON: {request.method} {request.path}"
        else:
            yield from _value_faults(request.body, content["application/json"]["schema"], openapi)


_FORM = "application/x-www-form-urlencoded"


def _resolved(schema: Mapping[str, Any], openapi: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _value_faults(
    value: Any,  # noqa: ANN401 - whatever JSON holds
    schema: Mapping[str, Any],
    openapi: Mapping[str, Any],
    at: str = "body",
) -> list[str]:
    schema = _resolved(schema, openapi)
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        found = [_value_faults(value, choice, openapi, at) for choice in choices]
        return min(found, key=len)
    if isinstance(value, str) and PLACEHOLDER.search(value):
        return []
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(isinstance(value, TYPES[kind]) for kind in kinds):
        return [f"{at} is no {schema['type']}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{at} is none of {schema['enum']}"]
    if "pattern" in schema and not re.search(schema["pattern"], str(value)):
        return [f"{at} is not of the form {schema['pattern']}"]
    return [*_inner_faults(value, schema, openapi, at)]


def _inner_faults(
    value: Any,  # noqa: ANN401 - whatever JSON holds
    schema: Mapping[str, Any],
    openapi: Mapping[str, Any],
    at: str,
) -> Iterator[str]:
    if isinstance(value, list):
        for number, each in enumerate(value):
            yield from _value_faults(each, schema.get("items", {}), openapi, f"{at}[{number}]")
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        yield from (
            f"{at}.{name} is missing" for name in schema.get("required", ()) if name not in value
        )
        yield from (f"{at}.{name} is unknown" for name in value if name not in known)
        for name in value.keys() & known.keys():
            yield from _value_faults(value[name], known[name], openapi, f"{at}.{name}")
