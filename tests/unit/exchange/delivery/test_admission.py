"""The last look before bytes leave: it sees what changed while a page was made, or waited."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

import kernel.clock
from auth.errors import InsufficientScope, TokenRevoked
from auth.principal import Principal, Scope
from exchange.delivery.admission import Admission, RulesChanged
from exchange.delivery.departures import Departures
from exchange.delivery.grant_plans import GrantPlan, GrantPlans
from exchange.errors import ModeNotGranted, SubscriptionExpired, SubscriptionSuspended
from exchange.subscriptions.grants import Grant
from exchange.subscriptions.states import State
from kernel.changes import ChangeFeed
from kernel.errors import NotFound

NOON = datetime(2026, 7, 1, 4, tzinfo=UTC)
CLIENT = Principal(
    kind="client",
    id="c",
    department="d",
    region_code="450000",
    is_authority=False,
    roles=frozenset(),
    scopes=frozenset({Scope.RECORDS_READ}),
    token_id="t",
    expires_at=0.0,
)
GRANT = Grant(
    id="s",
    resource_id="r",
    resource_version=1,
    client_id="c",
    consumer_department="d",
    status=State.ACTIVE,
    items=(),
    elements={},
    masks={},
    unmasked=frozenset(),
    row_filter=(),
    mode="pull",
    valid_from_moment=None,
    valid_until_moment=NOON + timedelta(hours=12),
    records_per_day=None,
    revision=1,
)


@dataclass
class Plan:
    grant: Grant


class Rules:
    """What one worker knows of rules, and the caller's token: all true until a test says no."""

    def __init__(self) -> None:
        self.current = True
        self.fresh_until = float("inf")
        self.principal: Principal | None = CLIENT
        self.revoked = False
        self.departures: list[str] = []

    def is_current(self, _plan: object) -> bool:
        return self.current

    def left(self, subscription_id: str) -> None:
        self.departures.append(subscription_id)

    def known(self) -> Principal | None:
        if self.revoked:
            raise TokenRevoked
        return self.principal

    def admission(self, grant: Grant = GRANT, mode: str = "pull") -> Admission:
        return Admission(
            self.known,
            cast("GrantPlan", Plan(grant)),
            mode,
            cast("GrantPlans", self),
            cast("ChangeFeed", self),
            cast("Departures", self),
        )


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> Rules:
    monkeypatch.setattr(kernel.clock, "now", lambda: NOON)
    return Rules()


def test_what_held_when_the_page_was_begun_is_asked_again_at_each_piece(
    rules: Rules, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five hundred records left five seconds after `valid_until`, behind a slow broker."""
    admission = rules.admission()
    admission()
    monkeypatch.setattr(kernel.clock, "now", lambda: GRANT.valid_until_moment)
    with pytest.raises(SubscriptionExpired):
        admission()


def test_a_plan_that_was_dropped_lets_nothing_more_leave(rules: Rules) -> None:
    admission = rules.admission()
    admission()
    rules.current = False
    with pytest.raises(RulesChanged):
        admission()
    assert rules.departures == ["s"]


def test_rules_that_are_not_confirmed_let_nothing_leave(rules: Rules) -> None:
    rules.fresh_until = 0.0
    with pytest.raises(RulesChanged):
        rules.admission()()


def test_a_token_revoked_while_the_page_waits_ends_it(rules: Rules) -> None:
    admission = rules.admission()
    admission()
    rules.revoked = True
    with pytest.raises(TokenRevoked):
        admission()


def test_a_caller_of_whom_something_changed_has_to_be_looked_up_again(rules: Rules) -> None:
    rules.principal = None
    with pytest.raises(RulesChanged):
        rules.admission()()


def test_each_rule_is_told_by_its_own_refusal(rules: Rules) -> None:
    with pytest.raises(SubscriptionSuspended):
        rules.admission(replace(GRANT, status=State.SUSPENDED))()
    with pytest.raises(ModeNotGranted):
        rules.admission(mode="push")()
    with pytest.raises(NotFound):
        rules.admission(replace(GRANT, client_id="another"))()
    rules.principal = replace(CLIENT, scopes=frozenset())
    with pytest.raises(InsufficientScope):
        rules.admission()()
