"""States of a provider's file; pure."""

from enum import StrEnum


class State(StrEnum):
    """`open` while bytes come, `checking` while it is scanned and its digest compared."""

    OPEN = "open"
    CHECKING = "checking"
    READY = "ready"
    REFUSED = "refused"
