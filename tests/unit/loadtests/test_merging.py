"""What several generators saw, put together."""

from loadtests.tally import Total, together


def total(records: int, failures: int = 0, **facts: float) -> Total:
    said = ["refused"] * failures
    return Total(records, records, failures, 0, said, {"feed": [(0, records, records)]}, facts)


def test_what_generators_acknowledged_is_added_up() -> None:
    found = together([total(3, waited=1.0), total(4, failures=1, waited=2.0, other=-1.0)])
    assert (found.records, found.checked, found.failures) == (7, 7, 1)
    assert found.acknowledged == {"feed": [(0, 3, 3), (0, 4, 4)]}
    assert found.facts == {"waited": 2.0, "other": -1.0}
    assert found.complaints == ["refused"]
