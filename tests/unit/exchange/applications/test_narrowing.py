"""Agreeing may narrow and never widens."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.contracts.model import DataType, Field
from exchange.applications.narrowing import Narrowing, Terms, narrow
from exchange.subscriptions.conditions import Condition, Op
from kernel.errors import Invalid

NAMES = ("a", "b", "c", "d")
FIELDS: Mapping[str, Field] = {
    name: Field(name=name, label=name, data_type=DataType.STRING, required=True, key=name == "a")
    for name in NAMES
}
TODAY = date(2026, 7, 1)
ASKED = Terms(
    items=("a", "b", "c"),
    valid_until=date(2026, 12, 31),
    row_filter=(Condition("c", Op.EQ, "450100"),),
    records_per_day=1000,
)


def said(terms: Mapping[str, Any]) -> Terms:
    return narrow(ASKED, Narrowing(**terms), fields=FIELDS, masked={"b", "d"}, today=TODAY)


def refused(terms: Mapping[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as invalid:
        said(terms)
    return [(error.path, error.code) for error in invalid.value.errors]


def test_silence_grants_what_was_asked_for() -> None:
    assert said({}) == ASKED


def test_everything_may_be_narrowed_together() -> None:
    more = Condition("a", Op.PREFIX, "x")
    granted = said(
        {
            "items": ("b", "c"),
            "unmasked": ("b",),
            "row_filter": (more,),
            "records_per_day": 10,
            "valid_until": date(2026, 7, 1),
        }
    )
    assert granted == Terms(
        items=("b", "c"),
        valid_until=date(2026, 7, 1),
        row_filter=(*ASKED.row_filter, more),
        records_per_day=10,
    )


@pytest.mark.parametrize(
    ("terms", "path", "code"),
    [
        ({"items": ("a", "c", "d")}, "items[2]", "unknown_item"),
        ({"items": ("nothing", "c")}, "items[0]", "unknown_item"),
        ({"items": (), "row_filter": ASKED.row_filter}, "items", "too_short"),
        ({"items": ("c", "a", "a")}, "items[2]", "duplicate_key"),
        ({"unmasked": ("a",)}, "unmasked[0]", "unknown_item"),
        ({"unmasked": ("d",)}, "unmasked[0]", "unknown_item"),
        ({"items": ("a", "c"), "unmasked": ("b",)}, "unmasked[0]", "unknown_item"),
        ({"records_per_day": 1001}, "records_per_day", "out_of_range"),
        ({"valid_until": date(2027, 1, 1)}, "valid_until", "out_of_range"),
        ({"valid_until": date(2026, 6, 30)}, "valid_until", "out_of_range"),
        ({"row_filter": (Condition("x", Op.EQ, "1"),)}, "row_filter[0].item", "unknown_item"),
        ({"row_filter": (Condition("a", Op.EQ, 1),)}, "row_filter[0].value", "wrong_type"),
    ],
)
def test_each_attempt_to_widen_is_named(terms: dict[str, Any], path: str, code: str) -> None:
    assert refused(terms) == [(path, code)]


def test_all_attempts_are_named_at_once() -> None:
    paths = refused({"items": ("d", "c"), "records_per_day": 5000, "valid_until": date(2030, 1, 1)})
    assert [path for path, _ in paths] == ["items[0]", "records_per_day", "valid_until"]


def test_an_item_that_the_application_filters_on_is_not_narrowed_away_in_silence() -> None:
    """Which rows come would answer questions about a value that is not shown (A7)."""
    path = ("application.row_filter[0].item", "filter_not_granted")
    assert refused({"items": ("a", "b")}) == [path]
    assert said({"items": ("a", "b"), "row_filter": ASKED.row_filter}).items == ("a", "b")


def test_an_item_that_was_masked_since_is_no_longer_filtered_on_in_silence() -> None:
    def narrowed(**terms: Any) -> Terms:  # noqa: ANN401
        return narrow(ASKED, Narrowing(**terms), fields=FIELDS, masked={"c"}, today=TODAY)

    with pytest.raises(Invalid) as invalid:
        narrowed()
    assert [error.code for error in invalid.value.errors] == ["filter_not_granted"]
    assert narrowed(unmasked=("c",)).row_filter == ASKED.row_filter
    assert narrowed(row_filter=ASKED.row_filter).row_filter == ASKED.row_filter


def test_the_providers_own_condition_may_name_any_item() -> None:
    own = Condition("d", Op.EQ, "450100")
    assert said({"row_filter": (own,)}).row_filter == (*ASKED.row_filter, own)


def test_a_condition_said_again_counts_once() -> None:
    assert said({"row_filter": ASKED.row_filter}).row_filter == ASKED.row_filter


def test_true_is_not_the_number_one() -> None:
    fields = {"n": Field(name="n", label="n", data_type=DataType.INTEGER, required=True, key=True)}
    asked = Terms(items=("n",), valid_until=TODAY, row_filter=(Condition("n", Op.EQ, 1),))
    with pytest.raises(Invalid):
        narrow(
            asked,
            Narrowing(row_filter=(Condition("n", Op.EQ, True),)),
            fields=fields,
            masked=(),
            today=TODAY,
        )


def test_an_item_that_a_newer_version_dropped_must_be_left_out() -> None:
    fields = {name: FIELDS[name] for name in ("a", "c", "d")}
    with pytest.raises(Invalid) as invalid:
        narrow(ASKED, Narrowing(), fields=fields, masked=(), today=TODAY)
    assert [error.path for error in invalid.value.errors] == ["items[1]"]
    left = narrow(ASKED, Narrowing(items=("a", "c")), fields=fields, masked=(), today=TODAY)
    assert left.items == ("a", "c")


def test_a_condition_on_a_dropped_item_cannot_be_left_out() -> None:
    fields = {name: FIELDS[name] for name in ("a", "b", "d")}
    terms = Narrowing(items=("a", "b"), row_filter=ASKED.row_filter)
    with pytest.raises(Invalid) as invalid:
        narrow(ASKED, terms, fields=fields, masked=(), today=TODAY)
    assert {error.path for error in invalid.value.errors} == {
        "row_filter[0].item",
        "application.row_filter[0].item",
    }


DAYS = st.integers(-5, 400).map(lambda n: TODAY + timedelta(days=n))
CONDITIONS = st.lists(
    st.builds(Condition, st.sampled_from(NAMES), st.sampled_from([Op.EQ, Op.NE]), st.text("xy"))
).map(tuple)
QUOTAS = st.none() | st.integers(1, 2000)
TERMS = st.builds(
    Terms,
    items=st.lists(st.sampled_from(NAMES), min_size=1, unique=True).map(tuple),
    valid_until=DAYS,
    row_filter=CONDITIONS,
    records_per_day=QUOTAS,
)
SAID = st.builds(
    Narrowing,
    items=st.none() | st.lists(st.sampled_from((*NAMES, "e")), max_size=5).map(tuple),
    unmasked=st.lists(st.sampled_from(NAMES), max_size=2).map(tuple),
    row_filter=CONDITIONS,
    records_per_day=QUOTAS,
    valid_until=st.none() | DAYS,
)


@given(TERMS, SAID)
def test_agreeing_never_widens(asked: Terms, offer: Narrowing) -> None:
    try:
        granted = narrow(asked, offer, fields=FIELDS, masked={"b", "d"}, today=TODAY)
    except Invalid:
        return
    assert granted.items
    assert set(granted.items) <= set(asked.items)
    assert set(offer.unmasked) <= set(granted.items) & {"b", "d"}
    assert granted.valid_until <= asked.valid_until
    assert set(asked.row_filter) <= set(granted.row_filter)
    assert set(offer.row_filter) <= set(granted.row_filter)
    clear = {item for item in granted.items if item not in {"b", "d"} - set(offer.unmasked)}
    assert all(c.item in clear or c in offer.row_filter for c in granted.row_filter)
    assert asked.records_per_day is None or (
        granted.records_per_day is not None and granted.records_per_day <= asked.records_per_day
    )
