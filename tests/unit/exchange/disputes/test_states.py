"""Disputes end: settled, decided and not appealed against in time, or concluded."""

from datetime import UTC, datetime, timedelta

from exchange.disputes.states import (
    NEXT,
    PENDING,
    Action,
    State,
    appealable_until,
    current,
)

# A Monday.
DECIDED_AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


def test_an_appeal_is_possible_for_ten_working_days() -> None:
    until = appealable_until(DECIDED_AT)
    assert until == datetime(2026, 3, 16, 16, 0, tzinfo=UTC)
    last = until - timedelta(microseconds=1)
    assert current(State.DECIDED, until, last) is State.DECIDED
    assert current(State.DECIDED, until, until) is State.CLOSED
    assert current(State.APPEALED, until, until) is State.APPEALED


def test_every_state_leads_to_the_end() -> None:
    for state in State:
        reached, seen = {state}, set[State]()
        while reached - seen:
            seen |= reached
            reached |= {to for (start, _action), to in NEXT.items() if start in seen}
        assert State.CLOSED in reached


def test_what_is_decided_is_pending_again_only_when_appealed() -> None:
    assert State.DECIDED not in PENDING
    assert NEXT[State.DECIDED, Action.APPEAL] in PENDING
