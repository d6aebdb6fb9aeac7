"""Nothing leaves without a grant that holds at this moment (P3)."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from exchange.errors import (
    ModeNotGranted,
    NotDeliverable,
    SubscriptionExpired,
    SubscriptionNotStarted,
    SubscriptionSuspended,
    SubscriptionTerminated,
)
from exchange.subscriptions.grants import Grant, check_active, check_mode
from exchange.subscriptions.states import State

START = datetime(2026, 7, 1, tzinfo=UTC)
END = datetime(2026, 8, 1, tzinfo=UTC)
DURING = datetime(2026, 7, 15, tzinfo=UTC)
GRANT = Grant(
    id="s",
    resource_id="r",
    resource_version=1,
    client_id="c",
    consumer_department="d",
    status=State.ACTIVE,
    items=("a",),
    elements={},
    masks={},
    unmasked=frozenset(),
    row_filter=(),
    mode="pull",
    valid_from_moment=START,
    valid_until_moment=END,
    records_per_day=None,
    revision=1,
)


def test_an_active_grant_delivers_from_its_first_to_its_last_moment() -> None:
    check_active(GRANT, START)
    check_active(GRANT, DURING)
    check_active(replace(GRANT, valid_from_moment=None), datetime(2020, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("status", "now", "error"),
    [
        (State.ACTIVE, END, SubscriptionExpired),
        (State.ACTIVE, datetime(2026, 6, 30, tzinfo=UTC), SubscriptionNotStarted),
        (State.SUSPENDED, DURING, SubscriptionSuspended),
        (State.SUSPENDED, END, SubscriptionExpired),
        (State.EXPIRED, DURING, SubscriptionExpired),
        (State.TERMINATED, DURING, SubscriptionTerminated),
        (State.TERMINATED, END, SubscriptionTerminated),
    ],
)
def test_every_other_grant_says_why_nothing_leaves(
    status: State, now: datetime, error: type[NotDeliverable]
) -> None:
    with pytest.raises(error):
        check_active(replace(GRANT, status=status), now)


def test_a_grant_is_for_one_mode() -> None:
    check_mode(GRANT, "pull")
    with pytest.raises(ModeNotGranted) as refused:
        check_mode(GRANT, "query")
    assert refused.value.facts == {"granted": "pull"}
