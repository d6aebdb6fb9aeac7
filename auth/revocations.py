"""Which access tokens ended before their time, as one worker knows it."""

from datetime import datetime

from auth.events import AuthEvent
from auth.store import tokens as store
from kernel import audit, changes, clock
from kernel.actor import Actor
from kernel.database import Database, WriteSession

KIND = "token"
PRUNED_AT = 10_000


class Revocations:
    """The revoked tokens that live still: `ended` maps a jti to its end (epoch)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._complete = False
        self._resets = 0
        self._prune_at = PRUNED_AT
        self.ended: dict[str, float] = {}

    def reset(self) -> None:
        """News may have been missed: what is known stays true, but is not all."""
        self._complete = False
        self._resets += 1

    def add(self, message: str) -> None:
        jti, _, expires_at = message.partition(" ")
        self.ended[jti] = float(expires_at)
        if len(self.ended) >= self._prune_at:
            self._prune()

    def _prune(self) -> None:
        now = clock.epoch()
        for jti in [jti for jti, expires_at in self.ended.items() if expires_at < now]:
            del self.ended[jti]
        self._prune_at = max(PRUNED_AT, 2 * len(self.ended))

    async def complete(self) -> None:
        """Return when every revocation is known; raises what the database raises."""
        while not self._complete:
            resets = self._resets
            async with self._database.reading() as session:
                self.ended.update(await store.revoked(session, clock.now()))
            self._complete = resets == self._resets


async def revoke(
    session: WriteSession, actor: Actor, jti: str, expires_at: datetime, **details: object
) -> None:
    """End an access token, on every worker within a second; repeating it does nothing."""
    if await store.revoke(session, jti, expires_at):
        audit.record(session, actor, AuthEvent.TOKEN_REVOKED, KIND, jti, **details)
        await changes.announce(session, KIND, f"{jti} {expires_at.timestamp()}")
