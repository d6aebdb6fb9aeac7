"""What was reserved for a batch that was never begun is the consumer's again."""

import pytest

from exchange.delivery.push.batches import unless_written


def failing(returned: list[int], *, is_written: bool) -> None:
    with unless_written(lambda: returned.append(5)) as written:
        if is_written:
            written()
        raise ConnectionError


@pytest.mark.parametrize(("is_written", "expected"), [(False, [5]), (True, [])])
def test_what_is_not_written_down_is_given_back(is_written: bool, expected: list[int]) -> None:
    """While the log's generation was not to be had, each try took as much of the day's quota."""
    returned: list[int] = []
    with pytest.raises(ConnectionError):
        failing(returned, is_written=is_written)
    assert returned == expected


def test_what_goes_well_keeps_what_it_reserved() -> None:
    returned: list[int] = []
    with unless_written(lambda: returned.append(5)):
        pass
    assert returned == []
