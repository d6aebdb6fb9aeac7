"""Life cycles of resource versions and of sources, as data; pure.

A resource shows the state of its newest version. While version n+1 is a draft, version n stays
published: `retire` acts on the version that serves, every other action on the newest one. A
revision that is discarded leaves the resource as it was published. `announce` tells once of an
approved version that will follow the one in force, and moves nothing.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TypeVar

from auth.principal import Role
from kernel.errors import IllegalTransition


class State(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"
    RETIRED = "retired"
    DISCARDED = "discarded"


class Action(StrEnum):
    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    DISCARD = "discard"
    RETURN = "return"
    APPROVE = "approve"
    ANNOUNCE = "announce"
    PUBLISH = "publish"
    REVISE = "revise"
    RETIRE = "retire"


NEXT: Mapping[tuple[State, Action], State] = {
    (State.DRAFT, Action.SUBMIT): State.SUBMITTED,
    (State.DRAFT, Action.DISCARD): State.DISCARDED,
    (State.SUBMITTED, Action.WITHDRAW): State.DRAFT,
    (State.SUBMITTED, Action.RETURN): State.DRAFT,
    (State.SUBMITTED, Action.APPROVE): State.APPROVED,
    (State.APPROVED, Action.RETURN): State.DRAFT,
    (State.APPROVED, Action.ANNOUNCE): State.APPROVED,
    (State.APPROVED, Action.PUBLISH): State.PUBLISHED,
    (State.PUBLISHED, Action.REVISE): State.DRAFT,
    (State.PUBLISHED, Action.RETIRE): State.RETIRED,
}

# `authority` acts for the region of the entry, the others for their own department's entries.
ALLOWED_ROLES: Mapping[Action, frozenset[Role]] = {
    Action.SUBMIT: frozenset({Role.HEAD}),
    Action.WITHDRAW: frozenset({Role.HEAD}),
    Action.DISCARD: frozenset({Role.CLERK}),
    Action.RETURN: frozenset({Role.AUTHORITY}),
    Action.APPROVE: frozenset({Role.AUTHORITY}),
    Action.ANNOUNCE: frozenset({Role.HEAD}),
    Action.PUBLISH: frozenset({Role.AUTHORITY}),
    Action.REVISE: frozenset({Role.CLERK}),
    Action.RETIRE: frozenset({Role.AUTHORITY, Role.HEAD}),
}


class SourceStatus(StrEnum):
    CLAIMED = "claimed"
    CONTESTED = "contested"
    ACTIVE = "active"
    REJECTED = "rejected"
    REPLACED = "replaced"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"


class Decision(StrEnum):
    DESIGNATE = "designate"
    REJECT = "reject"
    REPLACE = "replace"
    WITHDRAW = "withdraw"
    END = "end"


OPEN_CLAIMS = (SourceStatus.CLAIMED, SourceStatus.CONTESTED)

# A source becomes `replaced` only as the other side of a rival's `replace`.
SOURCE_NEXT: Mapping[tuple[SourceStatus, Decision], SourceStatus] = {
    (SourceStatus.CLAIMED, Decision.DESIGNATE): SourceStatus.ACTIVE,
    (SourceStatus.CLAIMED, Decision.REJECT): SourceStatus.REJECTED,
    (SourceStatus.CLAIMED, Decision.REPLACE): SourceStatus.ACTIVE,
    (SourceStatus.CLAIMED, Decision.WITHDRAW): SourceStatus.WITHDRAWN,
    (SourceStatus.CONTESTED, Decision.DESIGNATE): SourceStatus.ACTIVE,
    (SourceStatus.CONTESTED, Decision.REJECT): SourceStatus.REJECTED,
    (SourceStatus.CONTESTED, Decision.REPLACE): SourceStatus.ACTIVE,
    (SourceStatus.CONTESTED, Decision.WITHDRAW): SourceStatus.WITHDRAWN,
    (SourceStatus.ACTIVE, Decision.END): SourceStatus.ENDED,
}

# `authority` decides for the region, `head` takes back a claim of its own department.
SOURCE_ROLES: Mapping[Decision, frozenset[Role]] = {
    Decision.DESIGNATE: frozenset({Role.AUTHORITY}),
    Decision.REJECT: frozenset({Role.AUTHORITY}),
    Decision.REPLACE: frozenset({Role.AUTHORITY}),
    Decision.WITHDRAW: frozenset({Role.HEAD}),
    Decision.END: frozenset({Role.AUTHORITY}),
}

S = TypeVar("S", bound=StrEnum)
A = TypeVar("A", bound=StrEnum)


def allowed(table: Mapping[tuple[S, A], S], state: S) -> list[A]:
    return [action for (start, action) in table if start == state]


def step(
    table: Mapping[tuple[S, A], S], state: S, action: A, *, possible: Sequence[A] | None = None
) -> S:
    """Return the state after `action`; raises IllegalTransition for what the table lacks.

    `possible` are the actions to name then, where they are not those of `state` alone.
    """
    found = table.get((state, action))
    if found is None:
        named: Sequence[A] = allowed(table, state) if possible is None else possible
        raise IllegalTransition(
            f"状态 {state} 不允许 {action}",
            f"{action} is not possible in state {state}",
            state=str(state),
            allowed=[str(item) for item in named],
        )
    return found
