"""Unions of plain types in OpenAPI, said as one schema with several types.

`anyOf` of a text and a list of texts is JSON Schema that generators of Java turn into classes that
do not compile (`readValueAs(List<String>.class)`); `type: [string, array]` says the same, since
each keyword but `enum` and `const` speaks of one type alone.
"""

from typing import Any, Final

# What speaks of one type each; a union with anything else stays as it is.
SPOKEN_OF: Final = {
    "string": {"minLength", "maxLength", "pattern", "format"},
    "array": {"items", "minItems", "maxItems", "uniqueItems"},
    "object": {"properties", "required", "additionalProperties"},
    "integer": {"minimum", "maximum"},
    "number": {"minimum", "maximum"},
    "boolean": set[str](),
    "null": set[str](),
}
NULL: Final = "null"


def merge_unions(described: Any) -> None:  # noqa: ANN401 - any JSON
    """Say each union with a list among its plain types as one schema, in place."""
    if isinstance(described, dict):
        for inner in described.values():
            merge_unions(inner)
        if _is_plain(described.get("anyOf", ())):
            _merge(described)
    elif isinstance(described, list):
        for inner in described:
            merge_unions(inner)


def _is_plain(union: Any) -> bool:  # noqa: ANN401
    """Whether a union has a list, and something else, and no two that would be mixed."""
    kinds = [each.get("type") for each in union]
    told = [keyword for each in union for keyword in each if keyword != "type"]
    return (
        "array" in kinds
        and len(set(kinds) - {NULL}) > 1
        and len(set(told)) == len(told)
        and len(set(map(str, kinds))) == len(kinds)
        and all(_speaks_of_its_type(each) for each in union)
    )


def _speaks_of_its_type(schema: dict[str, Any]) -> bool:
    return schema.keys() - {"type"} <= SPOKEN_OF.get(str(schema.get("type")), set())


def _merge(described: dict[str, Any]) -> None:
    union = described.pop("anyOf")
    described["type"] = [each["type"] for each in union]
    for each in union:
        described |= {name: said for name, said in each.items() if name != "type"}
    if "object" in described["type"]:
        # Otherwise a generator of Java finds no type for it at all.
        described.setdefault("additionalProperties", True)
