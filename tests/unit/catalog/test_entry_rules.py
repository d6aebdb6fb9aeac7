"""What a catalogue entry must say (Order 809 Art 12-15)."""

from dataclasses import replace
from typing import Any

import pytest

from catalog.contracts.model import DataType
from catalog.entries import Item, ShareType
from catalog.rules.entries import draft_errors, review_errors
from tests.support.catalog import entry, item

TYPES = {"DE001": DataType.STRING, "DE002": DataType.DECIMAL, "DE003": DataType.BOOLEAN}
WORDED = {"share_conditions": "凭业务需要", "share_scope": ["公安厅"], "share_purposes": "核验"}


def found(*items: Item, **changes: Any) -> set[tuple[str, str]]:  # noqa: ANN401 - any field
    return {(e.path, e.code) for e in draft_errors(entry(*items, **changes), TYPES)}


def test_a_complete_entry_has_no_errors() -> None:
    assert found() == set()
    assert found(item(key=True), item("height", "DE002", required=False)) == set()


def test_not_sharing_needs_a_legal_basis() -> None:
    assert found(share_type=ShareType.NONE) == {("legal_basis", "missing")}
    assert found(share_type=ShareType.NONE, legal_basis="《统计法》第九条") == set()


def test_not_sharing_names_a_law_and_its_article() -> None:
    """The basis "x" passed (G13)."""
    for basis in ("x", "《南宁市政务数据管理条例》第二十条"):
        wrong = {("legal_basis", "pattern")}
        assert found(share_type=ShareType.NONE, legal_basis=basis) == wrong


@pytest.mark.parametrize("path", list(WORDED))
def test_unconditional_data_has_no_conditions(path: str) -> None:
    assert found(**{path: "限本部门使用"}) == {(path, "not_allowed")}
    assert found(**{path: "无条件"}) == set()


@pytest.mark.parametrize("left_out", list(WORDED))
def test_conditional_sharing_lists_conditions_scope_and_purposes(left_out: str) -> None:
    conditional = {"share_type": ShareType.CONDITIONAL}
    assert found(**conditional, **WORDED) == set()
    assert found(**conditional, **{**WORDED, left_out: None}) == {(left_out, "missing")}


def test_what_is_shared_names_a_mode() -> None:
    assert found(share_modes=()) == {("share_modes", "too_short")}


def test_an_item_name_stands_once() -> None:
    assert found(item(key=True), item()) == {
        ("items[0].name", "duplicate"),
        ("items[1].name", "duplicate"),
    }


def test_an_item_is_bound_to_a_registered_element() -> None:
    assert found(item(key=True), item("b", "DE404")) == {("items[1].element", "not_found")}


def test_a_record_has_a_key() -> None:
    assert found(item()) == {("items", "missing")}


def test_a_key_item_is_required() -> None:
    assert found(item(key=True, required=False)) == {("items[0].required", "out_of_range")}


@pytest.mark.parametrize("element", ["DE002", "DE003"])
def test_decimals_and_booleans_are_no_keys(element: str) -> None:
    assert found(item(element=element, key=True)) == {("items[0].element", "wrong_type")}


@pytest.mark.parametrize("which", ["secrecy", "privacy"])
def test_a_review_that_did_not_pass_forbids_submission(which: str) -> None:
    reviews = entry().reviews
    failed = replace(getattr(reviews, which), passed=False)
    stored = entry(reviews=replace(reviews, **{which: failed})).columns()["reviews"]
    assert [e.path for e in review_errors(stored)] == [f"reviews.{which}.passed"]
