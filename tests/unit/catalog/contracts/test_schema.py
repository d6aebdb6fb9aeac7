import json
import re
import string
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.contracts.compile import compile_plan
from catalog.contracts.model import Checker, Contract, DataType, Field
from catalog.contracts.schema import json_schema
from tests.unit.catalog.contracts.samples import EVERYTHING, contract, dump, item, record

PLAN = compile_plan(EVERYTHING)


def validator(of: Contract) -> Any:  # noqa: ANN401 - a class of the extension module
    # Through JSON text, as a consumer gets it.
    return jsonschema_rs.validator_for(
        json.loads(json.dumps(json_schema(of))), validate_formats=True
    )


EVERY = validator(EVERYTHING)

WRONG: list[dict[str, object]] = [
    {"born": None},
    {"born": "2023-02-29"},
    {"born": 20230228},
    {"at": "2025-08-01 08:00"},
    {"at": "2025-08-01T08:00:00"},
    {"at": 5},
    {"at": "2025-08-01T08:00:60Z"},
    {"at": "2025-08-01T08:00:00Z\n"},
    {"at": "2025-08-01T08:00:00.1234567890Z"},
    {"born": "2023-02-28\n"},
    {"born": "0000-01-01"},
    {"note": "a\0"},
    {"text": "ab\0"},
    {"sex": "1\n"},
    {"price": "1.50\n"},
    {"price": "1.5e2"},
    {"batch": 2**63},
    {"rooms": "1\n"},
    {"note": ""},
    {"note": "一二三四五六七"},
    {"sex": "3"},
    {"sex": 1},
    {"division": "999999"},
    {"plate": "京A-12345"},
    {"org": "1210000040000062"},
    {"org": "12100000400000624d"},
    {"id": "45010319900101001x"},
    {"mobile": "23800000000"},
    {"mobile": "13800000000\n"},
    {"plate": "桂A-12345\n"},
    {"price": "1.234"},
    {"price": "12345.00"},
    {"price": "abc"},
    {"price": 12345},
    {"price": -1},
    {"price": True},
    {"rate": "0.12345"},
    {"rate": "12345"},
    {"rate": "1234.5"},
    {"rate": 99.75},
    {"alive": "true"},
    {"alive": 1},
    {"rooms": 0},
    {"rooms": 100},
    {"rooms": 1.5},
    {"rooms": "1"},
    {"batch": -1},
    {"text": "一"},
    {"text": {}},
    {"text": []},
    {"unknown": 1},
]
RIGHT: list[dict[str, object]] = [
    {},
    {"text": None, "plate": None, "rooms": None, "rate": None, "died": None},
    {"text": "😀😀😀😀😀😀😀😀"},
    {"plate": "桂B12345"},
    {"price": 0},
    {"price": "9999.99"},
    {"price": 9999.99},
    {"price": 0.07},
    {"price": "0.07"},
    {"batch": 2**63 - 1},
    {"at": "2024-02-29t23:59:59z"},
    {"text": "a\nb"},
    {"text": "a\u2028b"},
    {"rate": "-0.5"},
    {"rate": "99.5"},
    {"rate": "0.1234"},
    {"rate": 12},
    {"at": "2024-02-29T23:59:59.123Z"},
    {"died": "2024-02-29"},
    {"rooms": 99},
]


# What a schema cannot say, or no validator reads alike: the plan alone refuses it.
BEYOND_A_SCHEMA: list[dict[str, object]] = [
    {"org": "12100000400000624E"},
    {"id": "450103299901010017"},
    {"price": 1.234},
    {"rate": 0.12345},
    {"price": "-0.5"},
    {"rate": "99.75"},
    {"batch": 1.0},
    {"rooms": 1e1},
]


@pytest.mark.parametrize("changes", BEYOND_A_SCHEMA)
def test_what_a_schema_cannot_say_is_listed(changes: dict[str, object]) -> None:
    changed = {**record(1), **changes}
    assert EVERY.is_valid(changed)
    assert len(PLAN.check_ndjson(dump(changed)).rejected) == 1


def test_every_pattern_of_the_schema_is_read_by_python_as_a_whole() -> None:
    """`$` let a line break pass behind each value where a validator searches as Python does."""
    schema: Any = json_schema(EVERYTHING)
    patterns = [each["pattern"] for each in schema["properties"].values() if "pattern" in each]
    values = ["桂A-12345", "2024-02-29", "2024-02-29T08:00:00Z", "1.50"]
    for pattern in patterns:
        [fitting] = [value for value in values if re.search(pattern, value)][:1]
        assert not re.search(pattern, f"{fitting}\n")


KINDS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.text("aA01桂é\n\u2028 ", max_size=9),
    st.decimals(-20_000, 20_000, places=2).map(str),
    st.dates().map(str),
    st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    st.from_regex(r"[1-9][0-9]{5}", fullmatch=True, alphabet=string.digits),
    st.lists(st.integers(), max_size=1),
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(EVERYTHING.fields), KINDS)
def test_the_schema_accepts_what_the_plan_accepts(field: Field, value: object) -> None:
    changed = {**record(1), field.name: value}
    errors = [*PLAN.check_ndjson(dump(changed)).errors()]
    if not errors:
        assert EVERY.is_valid(changed)
    elif EVERY.is_valid(changed):
        beyond = {"check_digit", "pattern", "out_of_range"} if field.checker else set()
        ranged = isinstance(value, str) and field.data_type is DataType.DECIMAL
        assert {error.code for error in errors} <= beyond | ({"out_of_range"} if ranged else set())


@pytest.mark.parametrize("changes", RIGHT)
def test_schema_and_plan_accept_the_same(changes: dict[str, object]) -> None:
    changed = {**record(1), **changes}
    assert PLAN.check_ndjson(dump(changed)).rejected == []
    assert EVERY.is_valid(changed)


@pytest.mark.parametrize("changes", WRONG)
def test_schema_and_plan_refuse_the_same(changes: dict[str, object]) -> None:
    changed = {**record(1), **changes}
    assert len(PLAN.check_ndjson(dump(changed)).rejected) == 1
    assert not EVERY.is_valid(changed)


@pytest.mark.parametrize("name", [field.name for field in EVERYTHING.fields])
def test_schema_and_plan_ask_for_the_same_items(name: str) -> None:
    lacking = {key: value for key, value in record(1).items() if key != name}
    assert EVERY.is_valid(lacking) == (not PLAN.check_ndjson(dump(lacking)).rejected)


@pytest.mark.parametrize("precision", [None, 1, 4])
@pytest.mark.parametrize("scale", [None, 0, 1])
def test_schema_and_plan_count_the_same_digits(precision: int | None, scale: int | None) -> None:
    one = contract(
        item("id", DataType.STRING, key=True),
        item("d", DataType.DECIMAL, precision=precision, scale=scale),
    )
    plan, schema = compile_plan(one), validator(one)
    for text in ("0", "9", "10", "9999", "10000", "0.1", "0.12", "9.9", "123.4", "1234.5", "-1.0"):
        row = {"id": "a", "d": text}
        assert schema.is_valid(row) == (not plan.check_ndjson(dump(row)).rejected), text


def test_a_checker_is_an_annotation_that_the_plan_alone_enforces() -> None:
    schema: Any = json_schema(EVERYTHING)
    assert schema["properties"]["org"]["x-checker"] == Checker.USCC.value
    wrong = {**record(1), "org": "12100000400000624E"}
    assert EVERY.is_valid(wrong)
    assert [error.code for error in PLAN.check_ndjson(dump(wrong)).errors()] == ["check_digit"]


def test_labels_keys_and_required_items_are_told() -> None:
    schema: Any = json_schema(EVERYTHING)
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["additionalProperties"] is False
    assert schema["x-key"] == ["id", "batch", "note"]
    assert schema["properties"]["id"]["x-key"] is True
    assert schema["properties"]["sex"]["title"] == "项sex"
    assert "text" not in schema["required"]
    jsonschema_rs.meta.validate(schema)


@pytest.mark.parametrize("pattern", [r"^a[\w.]?$", r"a\s?", r"a[^a-y]?", r"a.?", r"a\S?|b\D"])
def test_patterns_reach_consumers_in_a_dialect_they_share(pattern: str) -> None:
    one = contract(item("id", DataType.STRING, key=True, pattern=pattern))
    schema, plan = validator(one), compile_plan(one)
    for character in [*string.printable, "中", "é", "１", "\u2028", "\u00a0"]:
        row = {"id": f"a{character}"}
        assert schema.is_valid(row) == (not plan.check_ndjson(dump(row)).rejected), repr(character)


def test_a_bound_beyond_a_double_stays_a_whole_number() -> None:
    one = contract(
        item("id", DataType.INTEGER, key=True),
        item("d", DataType.DECIMAL, minimum=Decimal(10) ** 20, required=False),
    )
    schema: Any = json_schema(one)
    assert schema["properties"]["d"]["minimum"] == 10**20
    assert schema["properties"]["id"]["maximum"] == 2**63 - 1
