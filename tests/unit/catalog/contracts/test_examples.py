"""Records made up of a contract satisfy it, whatever it asks for."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.contracts.compile import compile_plan
from catalog.contracts.errors import UnsafePattern, UnusableContract
from catalog.contracts.examples import Examples, described, examples
from catalog.contracts.keys import KEY_BYTES_MAX
from catalog.contracts.model import Checker, Contract, DataType, Field
from catalog.contracts.schema import json_schema
from catalog.rules.elements import ALLOWED
from kernel import clock
from kernel.identifiers import resident_id, uscc
from kernel.turns import finished
from tests.unit.catalog.contracts.samples import EVERYTHING, contract, item
from tests.unit.catalog.contracts.test_patterns import USUAL
from tests.unit.catalog.contracts.test_schema import validator

BOUNDS = st.one_of(
    st.none(),
    st.integers(-(10**19), 10**19).map(Decimal),
    st.decimals(-(10**6), 10**6, places=4),
    st.sampled_from([Decimal("0.5"), Decimal("-0.001"), Decimal("1E-30"), Decimal("1E+40")]),
)
CODES = st.lists(
    st.one_of(
        st.text(max_size=8),
        st.sampled_from(["450103", "45010319900101001X", "13800000000", "0", "\0"]),
    ),
    max_size=6,
    unique=True,
).map(tuple)
RULES: Mapping[str, st.SearchStrategy[Any]] = {
    "min_length": st.one_of(st.none(), st.integers(0, 30), st.integers(900, 1_100)),
    "max_length": st.one_of(st.none(), st.integers(1, 40), st.integers(900, 5_000)),
    "pattern": st.one_of(st.none(), st.none(), st.sampled_from(USUAL)),
    "checker": st.one_of(st.none(), st.none(), st.sampled_from(Checker)),
    "code_list": st.one_of(st.none(), CODES),
    "minimum": BOUNDS,
    "maximum": BOUNDS,
    "precision": st.one_of(st.none(), st.integers(1, 40)),
    "scale": st.one_of(st.none(), st.integers(0, 40)),
}


@st.composite
def fields(draw: st.DrawFn, number: int) -> Field:
    """An item of any type, with any rules that an element of its type may have."""
    data_type = draw(st.sampled_from(DataType))
    drawn = {name: draw(RULES[name]) for name in sorted(ALLOWED[data_type])}
    rules = {"values" if name == "code_list" else name: rule for name, rule in drawn.items()}
    key = number == 0 or draw(st.integers(0, 3)) == 0
    return item(f"i{number}", data_type, key=key, required=draw(st.booleans()), **rules)


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    return contract(*(draw(fields(number)) for number in range(draw(st.integers(1, 6)))))


def made(of: Contract) -> Examples:
    return finished(examples(of))


def refused(of: Contract) -> object:
    """What the compiled contract says against its examples, as one body."""
    lines = made(of).lines
    return compile_plan(of, clock.today).check_ndjson("\n".join(lines).encode()).rejected


@settings(max_examples=150, deadline=None)
@given(contracts())
def test_whatever_the_contract_its_examples_satisfy_it(of: Contract) -> None:
    try:
        plan = compile_plan(of, clock.today)
    except (UnusableContract, UnsafePattern):
        return
    found = made(of)
    if found.records:
        checked = plan.check_ndjson("\n".join(found.lines).encode())
        assert checked.rejected == []
        valid = validator(of)
        assert all(valid.is_valid(record) for record in found.records)
    unmade = {field.name for field in found.unmade}
    assert all(record[name] is None for record in found.records for name in unmade)
    assert found == made(of)


def test_every_kind_of_item_has_a_value_and_the_second_record_its_nulls() -> None:
    whole, bare = made(EVERYTHING).records
    assert refused(EVERYTHING) == []
    assert None not in whole.values()
    assert {name for name, value in bare.items() if value is None} == {
        field.name for field in EVERYTHING.fields if not field.mandatory
    }
    assert resident_id(str(whole["id"])) is None
    assert uscc(str(whole["org"])) is None
    assert whole["plate"] == "桂B34567"
    assert whole["price"] == "1.00"
    assert whole["text"] == "示例项text"


def test_numbers_of_people_and_organisations_are_nobodys() -> None:
    """459999 was never given to a place, 154 to no operator."""
    whole = made(EVERYTHING).records[0]
    assert str(whole["id"]).startswith("459999")
    assert str(whole["org"])[2:8] == "459999"
    assert str(whole["mobile"]).startswith("154")


@pytest.mark.parametrize(
    ("checker", "pattern"),
    [
        (Checker.RESIDENT_ID, r"4501\d{13}[\dX]"),
        (Checker.RESIDENT_ID, r"\d{18}"),
        (Checker.RESIDENT_ID, r"\d{17}X"),
        (Checker.USCC, r"91[0-9A-Z]{16}"),
        (Checker.USCC, r"11\d{16}"),
        (Checker.MOBILE, r"1(3|5|7|8)8\d{8}"),
        (Checker.DIVISION_CODE, r"45\d{10}"),
        (Checker.DIVISION_CODE, r"\d{9}"),
    ],
)
def test_a_pattern_beside_a_checker_is_kept_too(checker: Checker, pattern: str) -> None:
    one = contract(item("k", DataType.STRING, key=True, checker=checker, pattern=pattern))
    assert made(one).records
    assert refused(one) == []


@pytest.mark.parametrize(
    "rules",
    [
        {"minimum": Decimal("0.5"), "maximum": Decimal("0.7"), "precision": 3, "scale": 2},
        {"minimum": Decimal("-7.5"), "maximum": Decimal("-7.25"), "precision": 5, "scale": 2},
        {"minimum": Decimal("99999.99"), "precision": 7, "scale": 2},
        {"precision": 2, "scale": 2},
        {"precision": 38, "scale": 38},
        {"maximum": Decimal(0)},
    ],
)
def test_narrow_numbers_are_met(rules: Mapping[str, Any]) -> None:
    one = contract(
        item("k", DataType.STRING, key=True), item("n", DataType.DECIMAL, required=True, **rules)
    )
    assert made(one).unmade == []
    assert refused(one) == []


@pytest.mark.parametrize(
    "impossible",
    [
        item("x", DataType.CODE, values=()),
        item("x", DataType.STRING, pattern=r"\d{6}", min_length=7),
        item("x", DataType.STRING, min_length=1_001),
        item("x", DataType.CODE, values=("a", "b"), pattern=r"\d"),
        item("x", DataType.DECIMAL, minimum=Decimal("0.1"), maximum=Decimal("0.9"), scale=0),
        item("x", DataType.STRING, checker=Checker.MOBILE, max_length=10),
    ],
)
def test_an_item_that_cannot_be_filled_is_named(impossible: Field) -> None:
    key = item("k", DataType.STRING, key=True)
    assert made(contract(key, impossible)) == Examples((), [impossible])
    optional = item("y", DataType.STRING, required=False, min_length=1_001)
    found = made(contract(key, optional))
    assert found.unmade == [optional]
    assert found.records[0] == {"k": "SL0001", "y": None}


def test_keys_that_would_be_too_long_make_no_record() -> None:
    long = [item(f"k{n}", DataType.STRING, key=True, min_length=600) for n in range(2)]
    assert made(contract(*long)) == Examples((), [])
    fitting = item("k", DataType.STRING, key=True, min_length=KEY_BYTES_MAX - 40)
    assert made(contract(fitting)).records


def test_one_key_alone_makes_one_record() -> None:
    only = contract(
        item("k", DataType.CODE, key=True, values=("1",)),
        item("n", DataType.STRING, required=False),
    )
    assert made(only).lines == ['{"k":"1","n":"示例项n"}']


def test_the_schema_tells_its_examples_where_there_are_any() -> None:
    schema = described(EVERYTHING, finished(examples(EVERYTHING)))
    assert schema["examples"] == made(EVERYTHING).records
    assert {**schema, "examples": 0} == {**json_schema(EVERYTHING), "examples": 0}
    hopeless = contract(item("k", DataType.CODE, key=True, values=()))
    assert "examples" not in described(hopeless, finished(examples(hopeless)))
