"""What several load machines saw, put together."""

from loadtests.tally import Told, Total, Window, merged, together


def total(records: int, failures: int = 0, **facts: float) -> Total:
    said = ["refused"] * failures
    return Total(records, records, failures, 0, said, {"feed": [(0, records, records)]}, facts)


def told(seconds: float, latencies: dict[int, int], records: int) -> Told:
    window = Window(seconds, sum(latencies.values()), records)
    return Told(window, latencies, total(records))


def test_what_machines_acknowledged_is_added_up() -> None:
    found = together([total(3, waited=1.0), total(4, failures=1, waited=2.0, other=-1.0)])
    assert (found.records, found.checked, found.failures) == (7, 7, 1)
    assert found.acknowledged == {"feed": [(0, 3, 3), (0, 4, 4)]}
    assert found.facts == {"waited": 2.0, "other": -1.0}
    assert found.complaints == ["refused"]


def test_percentiles_are_those_of_all_answers_together() -> None:
    """99 answers of 1 ms on one machine, 99 of 5 ms on another, 2 of 100 ms."""
    window, _ = merged([told(2.0, {10: 99, 1000: 2}, 101), told(2.5, {50: 99}, 99)])
    assert (window.requests, window.records, window.seconds) == (200, 200, 2.5)
    assert window.p50_ms == 5.0
    assert window.p99_ms == 100.0


def test_a_machine_that_keeps_silent_is_a_failure() -> None:
    window, found = merged([told(1.0, {10: 1}, 1)], ["worker-2 told nothing"])
    assert window.requests == 1
    assert found.failures == 1
    assert found.complaints == ["worker-2 told nothing"]


def test_no_machine_is_no_window() -> None:
    window, _ = merged([])
    assert (window.requests, window.seconds, window.p99_ms) == (0, 0.0, 0.0)
