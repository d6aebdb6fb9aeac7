"""What flows, told from two looks at the counters."""

from gateway.console.operation import paces, sums

TEXT = """# TYPE shuyuan_published_records counter
shuyuan_published_records_total 120
# TYPE shuyuan_answers counter
shuyuan_answers_total{operation="a",status="200"} 30
shuyuan_answers_total{operation="b",status="404"} 12
# TYPE shuyuan_request_seconds histogram
shuyuan_request_seconds_bucket{le="0.1",operation="a"} 98
shuyuan_request_seconds_bucket{le="0.5",operation="a"} 99
shuyuan_request_seconds_bucket{le="+Inf",operation="a"} 100
shuyuan_request_seconds_count{operation="a"} 100
shuyuan_request_seconds_sum{operation="a"} 9
"""


def test_metrics_are_added_up_over_their_labels() -> None:
    told = sums(TEXT)
    assert told.of("shuyuan_published_records_total") == 120
    assert told.of("shuyuan_answers_total") == 42
    assert told.of("unheard_of") == 0
    assert told.p99 == 0.5


def test_nothing_is_told_of_no_requests_or_of_those_beyond_every_bound() -> None:
    assert sums("").p99 is None
    late = '# TYPE shuyuan_request_seconds histogram\nshuyuan_request_seconds_bucket{le="0.1"} 1\n'
    assert sums(f'{late}shuyuan_request_seconds_bucket{{le="+Inf"}} 9\n').p99 is None


def test_a_pace_needs_an_earlier_look_that_is_neither_too_near_nor_too_far() -> None:
    counted = {"in": 120.0, "out": 5.0}
    first = paces(counted, {}, 100.0)
    assert [(each.total, each.per_second) for each in first] == [(120, None), (5, None)]
    again = paces(counted, {"at": "90", "in": "20", "out": "50"}, 100.0)
    assert [each.per_second for each in again] == [10.0, None], "it began anew"
    for wrong in ("99.9", "-900", "nan", "inf", "x"):
        assert paces(counted, {"at": wrong, "in": "20"}, 100.0)[0].per_second is None
