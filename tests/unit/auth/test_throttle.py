"""How long a name waits after failed sign-ins."""

from datetime import UTC, datetime, timedelta

import pytest

from auth.throttle import is_told, wait_seconds

NOW = datetime(2026, 7, 1, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("failures", "wait"),
    [(0, 0), (4, 0), (5, 15), (6, 30), (7, 60), (10, 480), (11, 900), (10_000, 900)],
)
def test_waits_double_from_the_fifth_failure_to_a_quarter_of_an_hour(
    failures: int, wait: int
) -> None:
    assert wait_seconds(failures, NOW, NOW) == wait


def test_the_wait_counts_from_the_last_failure_and_rounds_up() -> None:
    assert wait_seconds(5, NOW, NOW + timedelta(seconds=14, milliseconds=1)) == 1
    assert wait_seconds(5, NOW, NOW + timedelta(seconds=15)) == 0


def test_the_audit_log_is_told_of_few_failures_of_one_source() -> None:
    """Each failure of a stranger was once a row of the chain (E11)."""
    assert [number for number in range(1, 1001) if is_told(number)] == [
        1, 2, 3, 4, 5, 8, 16, 32, 64, 128, 256, 512,
    ]  # fmt: skip
