"""Codes are handed on in the edition that the consumer named, before they are masked."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from catalog.contracts.model import DataType
from catalog.rules.crosswalks import Crosswalk
from exchange.delivery.projection.projection import Projection
from exchange.subscriptions.conditions import Condition, Op
from tests.support.projecting import an_item, terms_of

FIELDS = (
    an_item("id", key=True),
    an_item("area", DataType.CODE),
    an_item("kind", DataType.CODE),
)
ITEMS = ("id", "area", "kind")
AREAS = Crosswalk(frozenset({"n1", "n2"}), {"o1": "n1"})


def projection(
    masks: Mapping[str, Mapping[str, Any]] | None = None, conditions: tuple[Condition, ...] = ()
) -> Projection:
    terms = terms_of({1: FIELDS}, ITEMS, masks=masks, conditions=conditions)
    return Projection(replace(terms, crosswalks={"area": AREAS}))


def shown(made: Projection, *records: Mapping[str, Any]) -> list[Any]:
    values = [json.dumps(record).encode() for record in records]
    keys = [str(record["id"]).encode() for record in records]
    lines = made.lines(1, keys, values)
    return [None if line is None else json.loads(line) for line in lines]


def test_values_read_as_in_the_edition_that_was_named() -> None:
    old, new = shown(
        projection(),
        {"id": "1", "area": "o1", "kind": "o1"},
        {"id": "2", "area": "n2", "kind": "x"},
    )
    assert old["data"] == {"id": "1", "area": "n1", "kind": "o1"}
    assert new["data"] == {"id": "2", "area": "n2", "kind": "x"}
    assert "unmapped" not in {**old, **new}


def test_a_value_without_a_single_successor_stays_and_is_named() -> None:
    lines = shown(
        projection(),
        {"id": "1", "area": "gone"},
        {"id": "2", "area": "o1"},
        {"id": "3", "area": None},
        {"id": "4"},
        {"id": "5", "area": 5},
    )
    assert lines[0] == {
        "op": "upsert", "key": "1", "data": {"id": "1", "area": "gone"}, "unmapped": ["area"]
    }  # fmt: skip
    assert [line["data"].get("area") for line in lines[1:]] == ["n1", None, None, 5]
    assert not any("unmapped" in line for line in lines[1:])


def test_it_is_done_before_masks() -> None:
    made = projection(masks={"area": {"kind": "partial", "keep_start": 2, "keep_end": 0}})
    [line] = shown(made, {"id": "1", "area": "o1"})
    assert line["data"]["area"] == "***"
    masked = projection(masks={"area": {"kind": "partial", "keep_start": 1, "keep_end": 0}})
    [line] = shown(masked, {"id": "1", "area": "o1"})
    assert line["data"]["area"] == "n***"


def test_hidden_rows_and_deletes_are_as_ever() -> None:
    made = projection(conditions=(Condition("kind", Op.EQ, "x"),))
    hidden, told = shown(made, {"id": "1", "area": "o1", "kind": "y"}, {"id": "2", "kind": "x"})
    assert hidden is None
    assert told["data"] == {"id": "2", "kind": "x"}
    [delete] = projection().lines(1, [b"1"], [None])
    assert delete == b'{"op":"delete","key":"1"}'


def test_grants_of_other_editions_do_not_share_lines() -> None:
    terms = terms_of({1: FIELDS}, ITEMS)
    plain = Projection(terms).identity(1)
    other = replace(terms, crosswalks={"area": Crosswalk(frozenset({"n1"}), {})})
    names = {plain, projection().identity(1), Projection(other).identity(1)}
    assert len(names) == 3
