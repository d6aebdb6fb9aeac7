"""OpenAPI speaks of every operation, in both languages, by verbs and nouns of the field (F11)."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from gateway.field_words import WORDS
from gateway.openapi_examples import BODIES
from gateway.openapi_names import operation_id, schema_names
from gateway.operation_words import CHINESE
from gateway.rare_field_words import RARE

HAN = re.compile(r"[\u4e00-\u9fff]")
VERB = re.compile(r"[a-z]+([A-Z][a-z]+)+")
# What browsers and probes ask for.
PLAIN = ("/healthz", "/readyz", "/metrics")


def operations(told: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_operation_is_a_verb_of_its_own(openapi: dict[str, Any]) -> None:
    """They were `find_v1_refusals_get`: names of functions, with the whole address behind."""
    named = Counter(operation["operationId"] for _path, _method, operation in operations(openapi))
    assert [name for name in named if not VERB.fullmatch(name)] == []
    assert [name for name, count in named.items() if count > 1] == []


def test_every_operation_is_described_in_both_languages(openapi: dict[str, Any]) -> None:
    """56 of 259 said nothing."""
    silent = [
        f"{method} {path}"
        for path, method, operation in operations(openapi)
        if not path.startswith(PLAIN)
        and not HAN.search(operation.get("description", "").partition(" / ")[0])
    ]
    assert silent == []
    named = {operation["operationId"] for _path, _method, operation in operations(openapi)}
    assert CHINESE.keys() - named == set()


def test_schemas_are_nouns_without_modules(openapi: dict[str, Any]) -> None:
    """Two modules with a `State` gave `auth__delegations__states__State`."""
    assert [name for name in openapi["components"]["schemas"] if not name.isalnum()] == []
    told = str(openapi)
    for name in set(re.findall(r"#/components/schemas/([^\'\"]+)", told)):
        assert name in openapi["components"]["schemas"], name


def test_every_field_is_described_and_every_word_used(openapi: dict[str, Any]) -> None:
    fields = [
        (name, field)
        for schema in openapi["components"]["schemas"].values()
        for name, field in schema.get("properties", {}).items()
    ]
    assert {*WORDS, *RARE} - {name for name, _field in fields} == set()
    assert not WORDS.keys() & RARE.keys()
    assert {name for name, field in fields if not field.get("description")} == set()


def test_a_token_of_oauth_is_what_operations_want(openapi: dict[str, Any]) -> None:
    flows = openapi["components"]["securitySchemes"]["oauth2"]["flows"]
    assert set(flows) == {"clientCredentials", "authorizationCode"}
    known = set(flows["clientCredentials"]["scopes"])
    wanted = openapi["paths"]["/v1/subscriptions/{id}/records"]["get"]["security"]
    assert {"oauth2": ["records:read"]} in wanted
    for path, method, operation in operations(openapi):
        for each in operation.get("security", []):
            assert set(each.get("oauth2", [])) <= known, (method, path)


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("get", "/v1/things", "listThings"),
        ("get", "/v1/things/{id}", "getThing"),
        ("post", "/v1/things", "createThing"),
        ("post", "/v1/things/{id}/deny-twice", "denyTwiceThing"),
        ("put", "/v1/things/{id}/policies", "setThingPolicy"),
        ("get", "/v1/things/{id}/policies", "listThingPolicies"),
        ("delete", "/v1/things/{id}/policies/{name}", "deleteThingPolicy"),
        ("patch", "/v1/things/{id}", "changeThing"),
    ],
)
def test_a_name_is_made_of_method_and_address(method: str, path: str, name: str) -> None:
    assert operation_id(method, path, "some_function") == name
    assert operation_id(method, path, "sayThings") == "sayThings"


def test_schemas_of_one_name_are_refused() -> None:
    made = schema_names(
        ["ListOf_Thing_", "a__things__states__State", "api__big_shapes__Reason", "In-Input"]
    )
    assert list(made.values()) == ["ListOfThing", "ThingState", "BigReason", "InIn"]
    with pytest.raises(ValueError, match="ThingState"):
        schema_names(["ThingState", "a__things__states__State"])


def test_whole_bodies_are_shown_and_valid_by_their_own_schemas(openapi: dict[str, Any]) -> None:
    shown = {}
    for _path, _method, operation in operations(openapi):
        for media in operation.get("requestBody", {}).get("content", {}).values():
            if "example" in media and not isinstance(media["example"], str):
                whole = {**media["schema"], "components": openapi["components"]}
                validator = jsonschema_rs.validator_for(whole)
                faults = [str(fault) for fault in validator.iter_errors(media["example"])]
                assert faults == [], operation["operationId"]
                shown[operation["operationId"]] = media["example"]
    assert shown.keys() >= BODIES.keys()


def test_no_union_has_a_list_beside_plain_types(openapi: dict[str, Any]) -> None:
    """Six such gave a client of Java that did not compile (`readValueAs(List<String>.class)`)."""
    found = []
    waiting: list[Any] = [openapi]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting += each.values()
            kinds = {said.get("type") for said in each.get("anyOf", ()) if isinstance(said, dict)}
            if "array" in kinds and kinds - {"array", "null"}:
                found.append(each)
        elif isinstance(each, list):
            waiting += each
    assert found == []
