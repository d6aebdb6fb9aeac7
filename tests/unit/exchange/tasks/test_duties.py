"""Each task is an act that the state tables allow, of those who may take it."""

from dataclasses import replace
from itertools import product

import pytest

from auth.principal import Role
from catalog import awaited as catalogue
from catalog import states as resource
from exchange.applications import states as application
from exchange.parties import Side
from exchange.subscriptions import states as subscription
from exchange.tasks.duties import APPLICATION, DELIVER, SUSPENDED, THINGS, Duty, duties_of
from tests.support.sharing import person


@pytest.mark.parametrize("duty", APPLICATION)
def test_a_duty_of_an_application_is_a_step_of_its_table(duty: Duty) -> None:
    assert isinstance(duty.action, application.Action)
    assert (duty.state, duty.action) in application.NEXT
    assert duty.roles == application.ALLOWED_ROLES[duty.action][duty.side]


@pytest.mark.parametrize("duty", SUSPENDED)
def test_a_duty_of_a_subscription_is_a_step_of_its_table(duty: Duty) -> None:
    assert isinstance(duty.action, subscription.Action)
    assert (duty.state, duty.action) in subscription.NEXT
    assert duty.roles == subscription.ALLOWED_ROLES[duty.action][duty.side]


def test_every_state_of_an_application_that_waits_has_a_duty() -> None:
    waits = {state for state, action in application.NEXT if action != application.Action.WITHDRAW}
    assert {duty.state for duty in APPLICATION} == waits


def test_a_catalogue_entry_goes_on_by_a_step_of_its_table() -> None:
    for state, action in catalogue.GOES_ON.items():
        assert (state, action) in resource.NEXT
    open_states = {state for state, _action in resource.NEXT} - {resource.State.PUBLISHED}
    assert set(catalogue.GOES_ON) == open_states


@pytest.mark.parametrize(("role", "is_authority"), list(product(Role, (True, False))))
def test_a_role_has_the_duties_that_name_it(role: Role, is_authority: bool) -> None:
    caller = replace(person("D", role), is_authority=is_authority)
    for duties in THINGS.values():
        expected = [
            duty
            for duty in duties
            if role in duty.roles and (duty.side is not Side.AUTHORITY or is_authority)
        ]
        assert list(duties_of(caller, duties)) == expected


def test_delivering_is_no_transition() -> None:
    assert DELIVER not in set(subscription.Action)
