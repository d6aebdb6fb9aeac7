"""What an application must say before a provider may be asked (Order 809 Art 20)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from catalog.contracts.model import DataType, Field
from catalog.entries import ShareMode
from exchange import modes
from exchange.applications import content
from exchange.applications.content import Content, check
from exchange.errors import ModeNotGranted
from exchange.subscriptions.conditions import Condition, Op
from kernel.errors import Invalid

FIELDS = {
    name: Field(name=name, label=name, data_type=DataType.STRING, required=True, key=name == "a")
    for name in ("a", "b", "m")
}
TODAY = date(2026, 7, 1)
GOOD = Content(
    client_id="client",
    items=("a", "b"),
    mode="pull",
    basis="《政务数据共享条例》第二十条",
    scenario="办理养老待遇资格认证",
    scope="自治区本级",
    valid_until=date(2026, 7, 1),
    commitment=True,
    row_filter=(Condition("a", Op.PREFIX, "45"),),
)


def accepted(asked: Content) -> None:
    check(asked, fields=FIELDS, masked={"m"}, modes=("pull", "query"), today=TODAY)


def refused(changes: Mapping[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as invalid:
        accepted(replace(GOOD, **changes))
    return [(error.path, error.code) for error in invalid.value.errors]


def test_a_complete_application_may_end_today() -> None:
    accepted(GOOD)


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"items": (), "row_filter": ()}, "items", "too_short"),
        ({"items": ("a", "x")}, "items[1]", "unknown_item"),
        ({"items": ("a", "b", "a")}, "items[2]", "duplicate_key"),
        ({"mode": "file"}, "mode", "not_in_code_list"),
        ({"commitment": False}, "commitment", "not_in_code_list"),
        ({"valid_until": date(2026, 6, 30)}, "valid_until", "out_of_range"),
        ({"valid_until": date.max}, "valid_until", "out_of_range"),
        ({"valid_from": date(2026, 7, 2)}, "valid_from", "out_of_range"),
        ({"row_filter": (Condition("x", Op.EQ, ""),)}, "row_filter[0].item", "unknown_item"),
        # Nine subscriptions with such filters read a masked value of three digits (A7).
        ({"items": ("a", "m"), "row_filter": (Condition("m", Op.EQ, "1"),)},
         "row_filter[0].item", "filter_not_granted"),
        ({"items": ("a",), "row_filter": (Condition("b", Op.EQ, "1"),)},
         "row_filter[0].item", "filter_not_granted"),
    ],
)  # fmt: skip
def test_each_fault_is_named(changes: dict[str, Any], path: str, code: str) -> None:
    assert refused(changes) == [(path, code)]


def test_all_faults_are_named_at_once() -> None:
    assert len(refused({"items": ("x",), "mode": "file", "commitment": False})) == 4


def test_the_last_day_of_the_calendar_is_refused_by_its_bound() -> None:
    """9999-12-31 was once told that it lies in the past."""
    with pytest.raises(Invalid) as invalid:
        accepted(replace(GOOD, valid_until=date.max))
    assert "9998-12-31" in invalid.value.errors[0].en


def test_what_nobody_serves_is_neither_offered_nor_agreed_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Modes were offered and agreed to, and each request was then refused without a reason."""
    served = ("pull", "verify")
    monkeypatch.setattr(modes, "SERVED", served)
    monkeypatch.setattr(content, "SERVED", served)
    assert refused({"mode": "query"}) == [("mode", "mode_not_served")]
    assert modes.offered(["verify", "query", "pull"]) == ["pull", "verify"]
    assert modes.offered(["query"]) == []
    assert "fax" in ModeNotGranted("fax").detail.en


def test_every_mode_that_an_entry_may_name_is_served() -> None:
    assert set(modes.SERVED) == {str(mode) for mode in ShareMode}


@pytest.mark.parametrize("granted", ["push", "table"])
def test_what_is_pushed_or_landed_in_a_table_may_be_pulled_and_nothing_else(granted: str) -> None:
    used = {asked for asked in modes.SERVED if modes.includes(granted, asked)}
    assert used == {granted, "pull"}


@pytest.mark.parametrize("granted", ["pull", "query", "verify", "file", "api"])
def test_other_modes_include_themselves_alone(granted: str) -> None:
    assert [asked for asked in modes.SERVED if modes.includes(granted, asked)] == [granted]
