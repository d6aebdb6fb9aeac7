"""When a batch is tried again, and when a host is left alone."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from exchange.delivery.push.pace import (
    OPENS_AFTER,
    Outcome,
    Verdict,
    open_seconds,
    seconds_to_wait,
)
from exchange.delivery.push.states import (
    ALLOWED_ROLES,
    BY_PLATFORM,
    NEXT,
    Action,
    PausedBy,
    State,
    actions,
    after_test,
    next_state,
)
from kernel.errors import IllegalTransition

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def wait(outcome: Outcome, attempts: int = 1, jitter: float = 1.0) -> float:
    return seconds_to_wait(outcome, attempts, jitter, NOW)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(200, Verdict.DELIVERED), (204, Verdict.DELIVERED), (301, Verdict.RETRY),
     (400, Verdict.RETRY), (410, Verdict.GONE), (500, Verdict.RETRY), (None, Verdict.RETRY)],
)  # fmt: skip
def test_2xx_is_success_410_is_gone_and_anything_else_is_tried_again(
    status: int | None, verdict: Verdict
) -> None:
    assert Outcome(status).verdict is verdict


def test_a_batch_that_is_refused_blames_itself_and_no_host() -> None:
    assert Outcome(500).blames_host
    assert Outcome(failure="connect_timeout").blames_host
    assert not Outcome(400).blames_host
    assert not Outcome(302).blames_host


def test_waits_double_to_five_minutes_and_leave_something_to_chance() -> None:
    failed = Outcome(failure="connect_failed")
    assert [wait(failed, n) for n in (1, 2, 3, 9, 10, 1000)] == [1, 2, 4, 256, 300, 300]
    assert wait(failed, 3, jitter=0.0) == 3
    assert wait(Outcome(404), 1) == 30


def test_retry_after_is_heeded_up_to_an_hour() -> None:
    assert wait(Outcome(503, retry_after="120")) == 120
    assert wait(Outcome(429, retry_after="99999")) == 3600
    assert wait(Outcome(503, retry_after="0"), 5) == 16
    moment = format_datetime(NOW + timedelta(seconds=90), usegmt=True)
    assert wait(Outcome(503, retry_after=moment)) == 90
    for nothing in ("", "soon", "-1", "1e9", "²", "Mon, 99 Foo 2026 00:00:00 GMT"):
        assert wait(Outcome(503, retry_after=nothing)) == 1, nothing
    assert wait(Outcome(500, retry_after="120")) == 1


def test_a_host_is_left_alone_after_failures_in_a_row() -> None:
    assert open_seconds(OPENS_AFTER - 1) is None
    assert [open_seconds(OPENS_AFTER + n) for n in (0, 1, 2, 50)] == [15, 30, 60, 600]


def test_what_the_platform_paused_resumes_by_a_test_and_what_its_head_paused_does_not() -> None:
    assert after_test(State.PAUSED, PausedBy.PLATFORM) is State.ACTIVE
    assert after_test(State.PAUSED, PausedBy.HEAD) is State.PAUSED
    assert after_test(State.UNTESTED, None) is State.ACTIVE
    assert after_test(State.STOPPED, None) is State.STOPPED


def test_the_table_of_states_is_whole() -> None:
    for state in State:
        for action in Action:
            if (state, action) in NEXT:
                assert next_state(state, action) is NEXT[state, action]
            else:
                with pytest.raises(IllegalTransition):
                    next_state(state, action)
        assert not BY_PLATFORM & set(actions(state))
    assert set(ALLOWED_ROLES) == set(Action)
