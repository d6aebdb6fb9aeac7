"""A review once said nothing of a mask that a new version dropped: the contract was the same."""

from typing import Any

from gateway.api.entries import DifferenceView, DiffView
from gateway.console.item_changes import item_changes

MASK = {"kind": "partial", "keep_start": 3, "keep_end": 2}


def item(name: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    usual = {"label": name, "element": "DE-1", "required": False, "key": False}
    return {"name": name, **usual, "role": "source", "mask": None, **fields}


def diff(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> DiffView:
    found = DifferenceView(field="items", before=before, after=after)
    return DiffView(from_version=1, to_version=2, compatible=True, changes=[], differences=[found])


def test_a_mask_that_is_dropped_is_told_before_all_else() -> None:
    found = item_changes(
        diff([item("phone", mask=MASK)], [item("phone", label="电话", required=True)])
    )
    assert [(each.field, each.before, each.after) for each in found] == [
        ("mask", MASK, None),
        ("required", False, True),
        ("label", "phone", "电话"),
    ]


def test_what_was_not_said_is_no_change_and_a_new_item_none_either() -> None:
    older = item("id")
    newer = {**older, "searchable": False, "refers_to": None}
    assert item_changes(diff([older], [newer, item("more")])) == []
