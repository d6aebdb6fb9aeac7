"""The refresh token that follows another one, and when it is given again (ADR 0021); pure.

A lost answer, or two requests at once, must not end a session: for a few seconds the same token is
answered the same successor. That is computed from the token under a key, so that neither is stored.
"""

import hmac
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta

from auth.tables import RefreshToken
from kernel.secretbox import Secretbox

GRACE = timedelta(seconds=10)


class Successors:
    def __init__(self, box: Secretbox) -> None:
        self._key = box.derive("refresh-successors")

    def of(self, refresh: str) -> str:
        """Return the token that follows: 256 bits that only the holder of the key can compute."""
        proof = hmac.digest(self._key, refresh.encode(), "sha256")
        return urlsafe_b64encode(proof).decode().rstrip("=")


def may_repeat(old: RefreshToken, successor: RefreshToken, now: datetime) -> bool:
    """Whether the answer to `old` may be repeated: just used, and its successor not used yet."""
    untouched = successor.used_at is None and successor.revoked_at is None
    recent = old.used_at is not None and now < old.used_at + GRACE
    return untouched and recent and old.revoked_at is None and successor.access_expires_at > now
