"""Keys that sign access tokens: made on first use, rotated, shown until their tokens ended."""

import asyncio
import logging
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from cryptography.fernet import InvalidToken
from joserfc.jwk import ECKey

from auth.events import AuthEvent
from auth.issuing import ALGORITHM
from auth.store import keys as store
from auth.tables import SigningKey
from kernel import audit, changes, clock, encrypted
from kernel.actor import SYSTEM, Actor
from kernel.database import Database, ReadSession, WriteSession
from kernel.secretbox import Secretbox

log = logging.getLogger(__name__)

SUBJECT = "keys"
ENCRYPTED: Final = encrypted.of(SigningKey)
CURVE = "P-256"
# Every worker has learnt of a new key before the first token is signed with it.
SIGNS_AFTER = timedelta(seconds=2)
# A token may be presented in its last second, by a clock that is a little behind.
RETIRES_AFTER = timedelta(seconds=60)
RELOAD_SECONDS_MIN = 1.0


@dataclass(frozen=True, slots=True)
class _Known:
    """A key; without `private` it was stored under another master key and only verifies."""

    kid: str
    private: ECKey | None
    public: ECKey
    signs_from: datetime
    retires_at: datetime | None

    def signs(self, now: datetime) -> bool:
        return self.private is not None and self.signs_from <= now


class KeyRing:
    """One worker's view of the signing keys; forgotten whenever `keys` changes."""

    def __init__(self, database: Database, box: Secretbox) -> None:
        self._database = database
        self._box = box
        self._known: dict[str, _Known] = {}
        self._loaded_at = -math.inf
        self._stale = True
        self._lock = asyncio.Lock()

    def forget(self) -> None:
        self._stale = True

    async def signing(self) -> ECKey:
        """Return the newest key that may sign; makes the first key of the platform."""
        now = clock.now()
        ready = [known for known in await self._current(now) if known.signs(now)]
        # A key that was just made waits for every worker to know it: the one before signs on.
        best = next((known for known in ready if known.retires_at is None), None)
        found = best or next(iter(ready), None)
        return found.private if found and found.private else await self._make_first()

    async def verifying(self, kid: str) -> ECKey | None:
        """Return the key that a token names, unless it is unknown or retired."""
        known = await self._named(kid)
        if known is None or (known.retires_at and known.retires_at <= clock.now()):
            return None
        return known.public

    async def is_in_force(self, session: ReadSession, kid: str) -> bool:
        """Ask the database itself whether tokens of the key are to be believed still."""
        return await store.is_current(session, kid)

    async def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """Return the public keys as RFC 7517 has them, the one that signs among them."""
        await self.signing()
        keys = [known.public for known in await self._current(clock.now())]
        usage = {"use": "sig", "alg": ALGORITHM}
        return {"keys": [{**key.as_dict(private=False), **usage} for key in keys]}

    async def _named(self, kid: str) -> _Known | None:
        if self._stale:
            await self._load()
        known = self._known.get(kid)
        # Strangers with made-up names must not keep the database busy.
        if known is None and clock.monotonic() - self._loaded_at > RELOAD_SECONDS_MIN:
            await self._load()
            known = self._known.get(kid)
        return known

    async def _current(self, now: datetime) -> list[_Known]:
        if self._stale:
            await self._load()
        known = self._known.values()
        return [key for key in known if key.retires_at is None or key.retires_at > now]

    async def _load(self) -> None:
        async with self._lock:
            self._stale, was_stale = False, self._stale
            try:
                async with self._database.reading() as session:
                    rows = await store.current(session, clock.now())
            except BaseException:
                self._stale = self._stale or was_stale
                raise
            self._known = {row.kid: self._open(row) for row in rows}
            self._loaded_at = clock.monotonic()

    def _open(self, row: SigningKey) -> _Known:
        public = ECKey.import_key(row.public)
        return _Known(row.kid, self._private(row), public, row.signs_from, row.retires_at)

    def _private(self, row: SigningKey) -> ECKey | None:
        try:
            return ECKey.import_key(self._box.decrypt(row.private), {"kid": row.kid})
        except InvalidToken:
            log.warning("signing key %s was stored under another master key", row.kid)
            return None

    async def _make_first(self) -> ECKey:
        async with self._database.transaction() as session:
            await store.lock(session)
            # Not before the lock: the key of whoever came first would still lie in the future.
            now = clock.now()
            rows = await store.current(session, now)
            if not any(self._open(row).signs(now) for row in rows):
                await _add(session, self._box, now, signs_from=now)
        self.forget()
        return await self.signing()


async def rotate(
    session: WriteSession,
    box: Secretbox,
    actor: Actor,
    *,
    token_seconds: int,
    at_once: bool = False,
) -> str:
    """Make a new key and let the old ones end with their tokens; return its id.

    `at_once` is for a key that leaked: every token that it signed is refused from now on. The
    time is the database's: whoever calls this may have a clock of its own that is off.
    """
    await store.lock(session)
    return await _rotate(session, box, actor, token_seconds=token_seconds, at_once=at_once)


async def rotate_when_due(
    session: WriteSession, now: datetime, *, box: Secretbox, days: int, token_seconds: int
) -> None:
    """Rotate where the newest key has signed for `days`; 0 is never."""
    if not days:
        return
    await store.lock(session)
    newest = next(iter(await store.current(session, now)), None)
    if newest is not None and newest.created_at <= now - timedelta(days=days):
        await _rotate(session, box, SYSTEM, token_seconds=token_seconds, at_once=False)


async def _rotate(
    session: WriteSession, box: Secretbox, actor: Actor, *, token_seconds: int, at_once: bool
) -> str:
    now = await store.now(session)
    old = [key.kid for key in await store.current(session, now)]
    lives = timedelta(seconds=token_seconds) + SIGNS_AFTER + RETIRES_AFTER
    await store.retire(session, old, now if at_once else now + lives)
    kid = await _add(session, box, now, signs_from=now if at_once else now + SIGNS_AFTER)
    details = {"retired": old, "at_once": at_once}
    audit.record(session, actor, AuthEvent.KEYS_ROTATED, SUBJECT, kid, **details)
    return kid


async def _add(
    session: WriteSession, box: Secretbox, now: datetime, *, signs_from: datetime
) -> str:
    key = ECKey.generate_key(CURVE, auto_kid=True)
    row = SigningKey(
        kid=str(key.kid),
        private=box.encrypt(key.as_pem(private=True)),
        public=key.as_dict(private=False),
        created_at=now,
        signs_from=signs_from,
    )
    await store.add(session, row)
    await changes.announce(session, SUBJECT, "")
    return row.kid
