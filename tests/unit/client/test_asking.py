"""What a department asks for, as people say it, becomes what the contract takes."""

from typing import Any

import pytest

from shuyuan_client.cli import asking
from shuyuan_client.cli.asking import Wanted
from shuyuan_client.failures import Failure

RESOURCE: dict[str, Any] = {
    "id": "r1",
    "name": "不动产登记信息",
    "department_name": "登记中心",
    "department": "11450000007565418N",
    "share_type": "conditional",
    "offered_modes": ["pull", "query"],
    "items": [
        {"name": "unit", "label": "不动产单元号"},
        {"name": "area", "label": "面积"},
        {"name": "floors", "label": "层数"},
        {"name": "leased", "label": "是否出租"},
        {"name": "start", "label": "日期"},
        {"name": "end", "label": "日期"},
    ],
}
PROPERTIES = {
    "unit": {"type": "string"},
    "area": {"type": ["string", "number"]},
    "floors": {"type": ["integer", "null"]},
    "leased": {"type": "boolean"},
}


class Contract:
    """The one request that filters need."""

    def ask(self, _method: str, _path: str) -> dict[str, Any]:
        return {"properties": PROPERTIES}


def asked(*filters: str, items: tuple[str, ...] = ("unit",), mode: str = "pull") -> asking.Asked:
    wanted = Wanted(items, all_items=False, mode=mode, filters=filters, per_day=None)
    return asking.asked_of(Contract(), RESOURCE, wanted)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("不动产单元号 prefix 4501", {"item": "unit", "op": "prefix", "value": "4501"}),
        (
            "area>=12345678901234567.80",
            {"item": "area", "op": "ge", "value": "12345678901234567.80"},
        ),
        ("floors in 1, 2", {"item": "floors", "op": "in", "value": [1, 2]}),
        ("层数 = -3", {"item": "floors", "op": "eq", "value": -3}),
        ("leased != 是", {"item": "leased", "op": "ne", "value": True}),
        ("unit eq a = b", {"item": "unit", "op": "eq", "value": "a = b"}),
    ],
)
def test_a_filter_is_read_as_it_is_said(text: str, condition: dict[str, Any]) -> None:
    assert asked(text).row_filter == [condition]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unit",
        "unit like 4",
        "unit =",
        "层 = 1",
        "floors = 1.5",
        "floors = １",
        "leased = 2",
        "日期 = 1",
    ],
)
def test_a_filter_that_says_nothing_certain_is_refused(text: str) -> None:
    with pytest.raises(Failure):
        asked(text)


def test_items_are_named_or_called_by_their_labels() -> None:
    assert asked(items=("面积", "unit", "area")).items == ["area", "unit"]


@pytest.mark.parametrize("items", [(), ("日期",)])
def test_without_an_item_those_that_there_are_are_told(items: tuple[str, ...]) -> None:
    with pytest.raises(Failure, match="不动产单元号"):
        asked(items=items)


def test_a_mode_that_is_not_served_tells_those_that_are() -> None:
    with pytest.raises(Failure, match="接口拉取"):
        asked(mode="push")


def test_an_item_that_no_resource_has_is_misspelt() -> None:
    wanted = Wanted(("unit", "ownr"), all_items=False, mode="pull", filters=(), per_day=None)
    with pytest.raises(Failure, match="ownr"):
        asking.require_used(wanted, [RESOURCE])
