"""Which modes of sharing this platform serves; pure."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

SERVED: Final = ("pull", "push", "query", "verify", "file", "table", "api")
"""An application for another mode is refused; grants of one stay, and nothing leaves by them."""
PULLED: Final = frozenset({"pull", "table"})
"""Modes by which a consumer takes records at its own pace; an agent lands those of a table."""
FOLLOWING: Final = PULLED | {"push"}
"""Modes by which a consumer's copy follows the log: what is hidden later stays in that copy."""
FROM_LATEST: Final = frozenset({"query", "verify", "file"})
"""Modes that answer from the latest state of a resource."""

WITH_EDITIONS: Final = ("pull", "push", "query", "file", "table", "api")
"""Modes whose values may be had in the edition of a code list that the consumer names."""
WITH_LEDGER: Final = ("pull", "push", "query", "file", "table")
"""Modes that hand on records in pages, which a delivery ledger can list (ADR 0043)."""


class Live(StrEnum):
    """What a resource can hold for its subscriptions to take."""

    RECORDS = "records"
    FILE = "file"
    SERVICE = "service"


SERVED_BY: Final[Mapping[Live, frozenset[str]]] = {
    Live.RECORDS: FOLLOWING | FROM_LATEST,
    Live.FILE: frozenset({"file"}),
    Live.SERVICE: frozenset({"api"}),
}
"""By which modes what a resource holds is taken: it ends the clock of their grants alone (C6)."""


def includes(granted: str, asked: str) -> bool:
    """Whether a grant of one mode lets another be used: pull, where it is of push or of a table.

    So a receiver gets what is too large to be pushed and what it has missed, and an agent the
    rows of its table.
    """
    return granted == asked or (asked == "pull" and granted in FOLLOWING)


def offered(share_modes: Collection[str]) -> list[str]:
    """Those of an entry's modes that an application may ask for."""
    return [mode for mode in SERVED if mode in share_modes]
