"""What a restored database would let out again is stopped (P3, P12)."""

import pytest

from exchange.restoration.declare import Lost, stopped

GRANT = "s1"


def lost(*types: str) -> list[Lost]:
    at = "2026-11-28T02:00:00+00:00"
    return [Lost(number, type_, at, {"id": GRANT}) for number, type_ in enumerate(types, 1)]


@pytest.mark.parametrize(
    ("types", "is_stopped"),
    [
        (["subscription.suspended"], True),
        (["subscription.suspended", "subscription.resumed"], False),
        (["subscription.resumed", "subscription.terminated"], True),
        (["subscription.renewed", "subscription.version_accepted"], False),
        # An item was taken away: under the terms before, it would be shown again.
        (["subscription.amended"], True),
        (["subscription.suspended", "subscription.amended", "subscription.resumed"], True),
    ],
)
def test_what_may_show_less_since_then_is_stopped(types: list[str], is_stopped: bool) -> None:
    assert stopped(lost(*types)) == ([GRANT] if is_stopped else [])
