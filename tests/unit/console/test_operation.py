"""What flows, told from two looks at the counters."""

from gateway.console.operation import paces


def test_a_pace_needs_an_earlier_look_that_is_neither_too_near_nor_too_far() -> None:
    counted = {"in": 120.0, "out": 5.0}
    first = paces(counted, {}, 100.0)
    assert [(each.total, each.per_second) for each in first] == [(120, None), (5, None)]
    again = paces(counted, {"at": "90", "in": "20", "out": "50"}, 100.0)
    assert [each.per_second for each in again] == [10.0, None], "it began anew"
    for wrong in ("99.9", "-900", "nan", "inf", "x"):
        assert paces(counted, {"at": wrong, "in": "20"}, 100.0)[0].per_second is None
