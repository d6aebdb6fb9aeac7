"""Which modes of sharing this platform serves; pure."""

from collections.abc import Collection
from typing import Final

SERVED: Final = ("pull", "push", "query", "verify", "file", "api")
"""An application for another mode is refused; grants of one stay, and nothing leaves by them."""
FROM_LATEST: Final = frozenset({"query", "verify", "file"})
"""Modes that answer from the latest state of a resource."""


def includes(granted: str, asked: str) -> bool:
    """Whether a grant of one mode lets another be used: what is pushed may be pulled as well.

    That is how a receiver gets what is too large to be pushed, and what it has missed.
    """
    return granted == asked or (granted == "push" and asked == "pull")


def offered(share_modes: Collection[str]) -> list[str]:
    """Those of an entry's modes that an application may ask for."""
    return [mode for mode in SERVED if mode in share_modes]
