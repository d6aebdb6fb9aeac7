"""Which modes of sharing this platform serves; pure."""

from collections.abc import Collection
from typing import Final

SERVED: Final = ("pull", "query", "verify")
"""An application for another mode is refused; grants of one stay, and nothing leaves by them."""
FROM_LATEST: Final = frozenset({"query", "verify"})
"""Modes that answer from the latest state of a resource."""


def offered(share_modes: Collection[str]) -> list[str]:
    """Those of an entry's modes that an application may ask for."""
    return [mode for mode in SERVED if mode in share_modes]
