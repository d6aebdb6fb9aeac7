"""What may be done with a thing in its present state, and by whom (docs/api.md section 1)."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

from auth.principal import Role
from exchange.parties import Side
from kernel.wire import Wire

Step = TypeVar("Step", bound=StrEnum)
Party = TypeVar("Party", bound=StrEnum)


class NextStep(Wire):
    """An action that the state allows; `who` are roles, of a side where there are several."""

    action: str
    who: list[str]


def by_role(possible: Iterable[Step], permitted: Mapping[Step, frozenset[Role]]) -> list[NextStep]:
    """Return the steps of a thing that one department owns."""
    return [
        NextStep(action=str(action), who=sorted(map(str, permitted[action]))) for action in possible
    ]


def by_side(
    possible: Iterable[Step], permitted: Mapping[Step, Mapping[Party, frozenset[Role]]]
) -> list[NextStep]:
    """Return the steps of what is between two: `provider head`, `claimant head`, `authority`."""
    return [NextStep(action=str(action), who=_sides(permitted[action])) for action in possible]


def _sides(permitted: Mapping[Party, frozenset[Role]]) -> list[str]:
    return sorted(
        str(role) if side == Side.AUTHORITY else f"{side} {role}"
        for side, roles in permitted.items()
        for role in roles
    )
