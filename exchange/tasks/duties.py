"""Which act each state of a sharing relation waits for, and whose it is; pure.

The one list from which tasks are made. Roles are those of the state tables: who may act has the
task.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from auth.principal import Principal, Role
from exchange.applications import states as application
from exchange.parties import Side, oversees
from exchange.subscriptions import states as subscription


@dataclass(frozen=True, slots=True)
class Duty:
    """In `state` a thing waits for `action` by people of `side` who hold one of `roles`."""

    state: StrEnum
    action: StrEnum | str
    side: Side
    roles: frozenset[Role]


def _of_application(state: application.State, action: application.Action, side: Side) -> Duty:
    return Duty(state, action, side, application.ALLOWED_ROLES[action][side])


def _of_subscription(state: subscription.State, action: subscription.Action, side: Side) -> Duty:
    return Duty(state, action, side, subscription.ALLOWED_ROLES[action][side])


# Of several that fit one person the first is the task.
APPLICATION: Final = (
    _of_application(application.State.DRAFT, application.Action.SIGN, Side.CONSUMER),
    _of_application(
        application.State.SUPPLEMENT_REQUESTED, application.Action.SUPPLEMENT, Side.CONSUMER
    ),
    _of_application(application.State.SUBMITTED, application.Action.AGREE, Side.PROVIDER),
    _of_application(
        application.State.SUBMITTED, application.Action.REQUEST_SUPPLEMENT, Side.PROVIDER
    ),
    _of_application(
        application.State.EXTENSION_REQUESTED,
        application.Action.CONSENT_EXTENSION,
        Side.AUTHORITY,
    ),
)
# Whoever suspended looks after the remedy.
SUSPENDED: Final = (
    _of_subscription(subscription.State.SUSPENDED, subscription.Action.RESUME, Side.PROVIDER),
    _of_subscription(subscription.State.SUSPENDED, subscription.Action.RESUME, Side.AUTHORITY),
)
# C6 (Art 22): the provider owes a first record. No transition, an obligation.
DELIVER: Final = "deliver"
UNDELIVERED: Final = Duty(
    subscription.State.ACTIVE, DELIVER, Side.PROVIDER, frozenset({Role.CLERK, Role.HEAD})
)
THINGS: Final[Mapping[str, tuple[Duty, ...]]] = {
    "application": APPLICATION,
    "subscription": (*SUSPENDED, UNDELIVERED),
}


def duties_of(principal: Principal, duties: tuple[Duty, ...]) -> Iterator[Duty]:
    """Return those that a person can have, by role and by what its department is."""
    for duty in duties:
        held = not principal.roles.isdisjoint(duty.roles)
        if held and (duty.side is not Side.AUTHORITY or oversees(principal)):
            yield duty
