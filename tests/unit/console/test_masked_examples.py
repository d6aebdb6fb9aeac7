"""A real value beside what its mask leaves of it."""

import orjson

from gateway.console.masked_examples import CUT, masked


def test_each_value_stands_beside_what_its_mask_leaves() -> None:
    record = {"id": "450103199001011238", "name": "黄某", "amount": 7, "note": None, "plain": "二"}
    masks: dict[str, dict[str, object]] = {
        "id": {"kind": "partial", "keep_start": 6, "keep_end": 4},
        "name": {"kind": "full"},
        "amount": {"kind": "null"},
    }
    told = masked(orjson.dumps(record), masks)
    assert told["id"] == ("450103199001011238", "450103***1238")
    assert told["name"] == ("黄某", "***")
    assert told["amount"] == ("7", "—")
    assert told["plain"] == ("二", "二")


def test_a_long_value_is_cut_and_a_hash_says_nothing_of_it() -> None:
    told = masked(orjson.dumps({"id": "长" * 200}), {"id": {"kind": "hash"}})
    value, left = told["id"]
    assert len(value) == CUT
    assert "长" not in left
