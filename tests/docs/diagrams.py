"""Mermaid diagrams of the state tables; `python -m tests.docs.diagrams` prints them anew."""

import sys
from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import TypeVar

from auth.delegations import states as delegation
from catalog import states as resource
from exchange.announcements import states as answer
from exchange.applications import states as application
from exchange.corrections import states as correction
from exchange.delivery.push import states as endpoint
from exchange.demands import states as demand
from exchange.disposals import states as disposal
from exchange.disputes import states as dispute
from exchange.orders import states as order
from exchange.subscriptions import states as subscription

S = TypeVar("S", bound=StrEnum)
A = TypeVar("A", bound=StrEnum)
Who = Collection[StrEnum] | Mapping[StrEnum, Collection[StrEnum]]


def diagram(first: S, table: Mapping[tuple[S, A], S], roles: Mapping[A, Who]) -> str:
    """Draw a table of transitions, each with its action and who may take it."""
    steps = [
        f"    {start} --> {end}: {action} ({_who(roles[action])})"
        for (start, action), end in table.items()
    ]
    starts = {start for start, _action in table}
    ends = dict.fromkeys(end for end in table.values() if end not in starts)
    last = [f"    {end} --> [*]" for end in ends]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {first}", *steps, *last])


def _who(who: Who) -> str:
    if isinstance(who, Mapping):
        sides = [_side(side, _joined(roles)) for side, roles in sorted(who.items())]
        return ", ".join(sides) or "by itself"
    return _joined(who)


def _side(side: StrEnum, roles: str) -> str:
    """The authority's side acts by the role of the same name."""
    return roles if roles == side else f"{side} {roles}"


def _joined(roles: Collection[StrEnum]) -> str:
    return " or ".join(sorted(roles))


DIAGRAMS: Mapping[str, str] = {
    "resource": diagram(resource.State.DRAFT, resource.NEXT, resource.ALLOWED_ROLES),
    "application": diagram(application.State.DRAFT, application.NEXT, application.ALLOWED_ROLES),
    "subscription": diagram(
        subscription.State.ACTIVE, subscription.NEXT, subscription.ALLOWED_ROLES
    ),
    "correction": diagram(correction.State.SUBMITTED, correction.NEXT, correction.ALLOWED_ROLES),
    "dispute": diagram(dispute.State.OPEN, dispute.NEXT, dispute.ALLOWED_ROLES),
    "endpoint": diagram(endpoint.State.UNTESTED, endpoint.NEXT, endpoint.ALLOWED_ROLES),
    "demand": diagram(demand.State.DRAFT, demand.NEXT, demand.ALLOWED_ROLES),
    "disposal": diagram(disposal.State.DUE, disposal.NEXT, disposal.ALLOWED_ROLES),
    "answer": diagram(answer.Answer.UNANSWERED, answer.NEXT, answer.ALLOWED_ROLES),
    "delegation": diagram(delegation.State.PROPOSED, delegation.NEXT, delegation.ALLOWED_ROLES),
    "order": diagram(order.State.OPEN, order.NEXT, order.ALLOWED_ROLES),
}

if __name__ == "__main__":
    for name, drawn in DIAGRAMS.items():
        sys.stdout.write(f"<!-- states: {name} -->\n```mermaid\n{drawn}\n```\n\n")
