"""A query leads to the rows of every version, each read by the types of its own items."""

from types import SimpleNamespace
from typing import cast

from catalog.contracts.model import DataType
from catalog.contracts.published import RecordItem
from exchange.delivery.grant_plans import GrantPlan
from exchange.delivery.lookup.where import search
from exchange.delivery.projection.views import ShownItem, VersionView
from exchange.subscriptions.conditions import Condition, Op


def view(number_type: DataType) -> VersionView:
    items = (
        RecordItem("id", DataType.STRING, key=True, element="DE-id"),
        RecordItem("number", number_type, key=False, element="DE-number", searchable=True),
    )
    shown = tuple(ShownItem(item.name, item.name, None) for item in items)
    return VersionView(shown, (), items, b"k" * 32)


def test_a_value_that_an_older_version_cannot_hold_leads_to_none_of_its_rows() -> None:
    views = {1: view(DataType.DECIMAL), 2: view(DataType.STRING)}
    projection = SimpleNamespace(view=views.__getitem__)
    plan = cast("GrantPlan", SimpleNamespace(projection=projection, versions={1, 2}, version=2))
    found = search(plan, (Condition("number", Op.EQ, "桂A-1"),))
    assert [(arm.item, arm.low) for arm in found.arms] == [("number", "桂A-1".encode())]
