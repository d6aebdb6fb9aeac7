"""What a consumer says to an announced version, as data; pure.

No answer is no consent (P7): from the effective day the authority may file (备案) a version that a
consumer has left unanswered. An objection opens a dispute; until it is decided nothing is
published, and one that was dismissed or settled counts as filed.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from auth.principal import Role
from exchange.parties import Permitted, Side
from kernel.errors import IllegalTransition


class Answer(StrEnum):
    UNANSWERED = "unanswered"
    ACCEPTED = "accepted"
    OBJECTED = "objected"
    FILED = "filed"


class Action(StrEnum):
    ACCEPT = "accept-version"
    OBJECT = "object"
    FILE = "file-change"


NEXT: Final[Mapping[tuple[Answer, Action], Answer]] = MappingProxyType(
    {
        (Answer.UNANSWERED, Action.ACCEPT): Answer.ACCEPTED,
        (Answer.UNANSWERED, Action.OBJECT): Answer.OBJECTED,
        (Answer.UNANSWERED, Action.FILE): Answer.FILED,
        (Answer.OBJECTED, Action.ACCEPT): Answer.ACCEPTED,
        (Answer.FILED, Action.ACCEPT): Answer.ACCEPTED,
        (Answer.FILED, Action.OBJECT): Answer.OBJECTED,
    }
)

_HEAD = frozenset({Role.HEAD})
ALLOWED_ROLES: Final[Mapping[Action, Permitted]] = MappingProxyType(
    {
        Action.ACCEPT: {Side.CONSUMER: _HEAD},
        Action.OBJECT: {Side.CONSUMER: _HEAD},
        Action.FILE: {Side.AUTHORITY: frozenset({Role.AUTHORITY})},
    }
)


def actions(answer: Answer) -> tuple[Action, ...]:
    """Return what may be done while the version is announced."""
    return tuple(each for each in Action if (answer, each) in NEXT)


def next_answer(answer: Answer, action: Action) -> Answer:
    """Return where the action leads; raises IllegalTransition."""
    if (answer, action) not in NEXT:
        raise IllegalTransition(
            f"对该版本的答复为 {answer}，不能执行 {action}",
            f"The answer to this version is {answer}: {action} is not possible",
            state=answer,
            allowed=list(actions(answer)),
        )
    return NEXT[answer, action]


def lets_publish(answer: Answer, *, is_settled: bool, has_come: bool) -> bool:
    """Whether the version may be put in force as far as one affected subscription goes.

    `is_settled`: its objection was dismissed or settled; `has_come`: the effective day.
    """
    if answer is Answer.ACCEPTED:
        return True
    if answer is Answer.OBJECTED:
        return has_come and is_settled
    return has_come and answer is Answer.FILED
