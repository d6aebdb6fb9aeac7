"""The order of search terms is that of values; what differs late may share a term."""

from itertools import pairwise
from typing import Any

import pytest

from catalog.contracts.model import DataType
from catalog.contracts.published import RecordItem, RecordVersion
from exchange.latest.terms import HIGHEST, SearchItems, search_items, term_of, terms
from exchange.latest.values import wanted_value

VALUES: dict[DataType, list[Any]] = {
    DataType.STRING: ["", "0", "A", "a", "中" * 90, "南宁"],
    DataType.CODE: ["450100", "450102", "4502"],
    DataType.INTEGER: [-(10**400), -(2**63), -5, -1, 0, 1, 2, 10**15, 10**18, 10**400],
    DataType.DECIMAL: ["-1e400", "-10.5", "-0.1", "0", "0.10", "0.2", "1e3", "1e400"],
    DataType.DATE: ["0001-01-01", "1990-01-02", "2026-12-31"],
    DataType.DATETIME: [
        "2026-05-01T10:00:00+08:00", "2026-05-01T02:00:00.1Z", "2026-05-01T02:01:00Z",
    ],
    DataType.BOOLEAN: [False, True],
}  # fmt: skip


@pytest.mark.parametrize("data_type", VALUES)
def test_terms_rise_with_values(data_type: DataType) -> None:
    found = [term_of(data_type, wanted_value(each, data_type)) for each in VALUES[data_type]]
    assert all(one <= other for one, other in pairwise(found))
    assert len(set(found)) > 1
    assert all(each < HIGHEST for each in found)


def item(
    name: str, *, key: bool = False, searchable: bool = False, element: str = ""
) -> RecordItem:
    return RecordItem(name, DataType.STRING, key, element or f"DE-{name}", None, searchable)


def test_a_renamed_item_is_searched_in_every_version_and_its_key_with_it() -> None:
    old = RecordVersion(1, (item("id", key=True), item("place", element="DE-place"), item("x")))
    new = RecordVersion(
        2, (item("id", key=True), item("town", element="DE-place", searchable=True), item("x"))
    )
    searched = search_items({1: old, 2: new})
    assert searched.elements == {"DE-id", "DE-place"}
    found = terms(searched, 1, b'{"id":"1","place":"A","x":"y"}', b"d")
    assert [(each.item, each.term) for each in found] == [("id", b"1"), ("place", b"A")]
    assert [t.item for t in terms(searched, 2, b'{"id":"1","town":null}', b"d")] == ["id"]
    assert terms(searched, 3, b'{"id":"1"}', b"d") == []
    assert search_items({1: old}) == SearchItems(frozenset(), {1: []})
