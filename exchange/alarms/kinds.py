"""Which audit events are alarms: somebody who guards the platform should look at each; pure.

The audit log is their only place: an alarm is its event, and the acknowledgement another one.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from auth.events import AuthEvent
from exchange.events import ExchangeEvent
from kernel.audit_verification import BROKEN

# Of one name and address the first five failures of an hour are events, then each doubling.
FAILURES_MIN: Final = 5


class Kind(StrEnum):
    GUESSING = "guessing"
    WRONG_SECRETS = "wrong_secrets"
    TOKEN_REUSED = "token_reused"  # noqa: S105 - a name
    KEY_LEAKED = "key_leaked"
    FILE_INFECTED = "file_infected"
    ACCESS_RESTORED = "access_restored"
    DATABASE_RESTORED = "database_restored"
    AUDIT_BROKEN = "audit_broken"


EVENTS: Final[Mapping[Kind, tuple[str, ...]]] = MappingProxyType(
    {
        Kind.GUESSING: (ExchangeEvent.GUESSING_SUSPECTED,),
        Kind.WRONG_SECRETS: (
            AuthEvent.TOKEN_REFUSED, AuthEvent.SIGN_IN_FAILED, AuthEvent.CONFIRMATION_FAILED
        ),
        Kind.TOKEN_REUSED: (AuthEvent.TOKEN_REUSED,),
        Kind.KEY_LEAKED: (AuthEvent.KEYS_ROTATED,),
        Kind.FILE_INFECTED: (ExchangeEvent.FILE_REFUSED,),
        Kind.ACCESS_RESTORED: (AuthEvent.ACCESS_RESTORED,),
        Kind.DATABASE_RESTORED: (ExchangeEvent.PLATFORM_RESTORED,),
        Kind.AUDIT_BROKEN: (BROKEN,),
    }
)  # fmt: skip
# Of whom more than the guards of a division is told of an alarm.
CONCERNS_OPERATOR: Final = frozenset({Kind.KEY_LEAKED, Kind.DATABASE_RESTORED, Kind.AUDIT_BROKEN})
CONCERNS_DEPARTMENT: Final = frozenset(
    {Kind.GUESSING, Kind.WRONG_SECRETS, Kind.TOKEN_REUSED, Kind.FILE_INFECTED}
)
# What more an event of a kind must tell, in SQL on its row; the index is on exactly this.
_TELLS: Final[Mapping[Kind, str]] = MappingProxyType(
    {
        Kind.WRONG_SECRETS: f"CAST(details ->> 'failures' AS integer) >= {FAILURES_MIN}",
        Kind.KEY_LEAKED: "details ->> 'at_once' = 'true'",
        Kind.FILE_INFECTED: "details ->> 'code' = 'file_refused'",
    }
)
KIND_OF: Final[Mapping[str, Kind]] = MappingProxyType(
    {str(event): kind for kind, events in EVENTS.items() for event in events}
)


def condition() -> str:
    """Return what an alarm's row satisfies, as the partial index `audit_event_alarm` has it."""
    simple = [event for kind in Kind if kind not in _TELLS for event in EVENTS[kind]]
    telling = [f"(event IN ({_listed(EVENTS[kind])}) AND {told})" for kind, told in _TELLS.items()]
    return f"(event IN ({_listed(simple)}) OR {' OR '.join(telling)})"


def _listed(events: Any) -> str:  # noqa: ANN401 - names of events, our own
    return ", ".join(f"'{event}'" for event in events)
