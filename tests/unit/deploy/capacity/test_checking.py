"""A prediction is compared with the point, and the error has its sign."""

import msgspec
import pytest

from deploy.capacity.checking import predicted, verdicts, worst
from deploy.capacity.costs import BROKER, DATABASE, GATEWAY
from tests.support.capacity import COSTS, MIXED


def test_what_is_foretold_is_the_sum_of_what_was_done() -> None:
    gateway = 1_000 * 200 + 50_000 * 5 + 500 * 100 + 250_000 * (0.5 + 3)
    idle = 2 * 0.01 * 2.0  # two workers, two seconds
    assert predicted(COSTS, MIXED, GATEWAY) == pytest.approx(gateway / 1e6 + idle)
    assert predicted(COSTS, MIXED, BROKER) == pytest.approx((100_000 + 50_000) / 1e6 + 0.05 * 2)


def test_another_shape_of_grant_is_foretold_by_its_difference() -> None:
    narrower = msgspec.structs.replace(MIXED, shape=(3, 0))
    saved = 250_000 * (3 * 0.1 + 2 * 0.5) / 1e6
    expected = predicted(COSTS, MIXED, GATEWAY) - saved
    assert predicted(COSTS, narrower, GATEWAY) == pytest.approx(expected)


def test_a_prediction_too_high_has_a_positive_error() -> None:
    cheap = msgspec.structs.replace(MIXED, cpu_seconds={GATEWAY: 0.5, BROKER: 10.0})
    found = {each.part: each.error for each in verdicts(COSTS, [cheap])}
    assert found[GATEWAY] > 0 > found[BROKER]
    checked = msgspec.structs.replace(COSTS, checked=[cheap])
    assert worst(checked, GATEWAY) == pytest.approx(found[GATEWAY])


def test_a_part_that_hardly_worked_is_not_judged() -> None:
    assert {each.part for each in verdicts(COSTS, [MIXED])} == {GATEWAY, BROKER}
    assert MIXED.cpu_seconds[DATABASE] > 0
