"""Says who is calling: the measured path of every request (ADR 0003, 0010).

Only a signature is remembered for long. What a token's person or client may do is remembered
until it changes, and every call checks expiry, revocation and that nothing changed.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import NamedTuple

from sqlalchemy.exc import SQLAlchemyError

from auth import claims
from auth.claims import Claims
from auth.errors import TokenExpired, TokenInvalid, TokenRevoked
from auth.keys import KeyRing
from auth.principal import Principal, Role
from auth.revocations import KIND, Revocations
from auth.store import standings
from auth.store import tokens as store
from auth.store.standings import Standing
from kernel import generation
from kernel.changes import ChangeFeed
from kernel.clock import epoch, monotonic
from kernel.database import Database, ReadSession
from kernel.errors import Unavailable
from kernel.secretbox import Secretbox
from kernel.settings import Settings

TOKENS_MAX = 50_000
SUBJECTS_MAX = 50_000
# Clocks of gateways differ by less.
AHEAD_SECONDS = 60
# A subject that changes faster than it can be read is a fault, not a reason to try for ever.
ATTEMPTS = 5

SubjectKey = tuple[str, str]


class _Subject:
    """What the database said last about one person or client; `current` falls when it changes."""

    __slots__ = ("current", "lock", "standing")

    def __init__(self) -> None:
        self.current = True
        self.lock = asyncio.Lock()
        self.standing: Standing | None = None


class _Signed(NamedTuple):
    """Claims with the name of the key that signed them, as far as this worker knows the keys.

    `epoch` is that of the keys when it looked: in another one it has to look again.
    """

    claims: Claims
    kid: str
    epoch: int


class _Token:
    """A token whose signature was checked once."""

    __slots__ = ("expires_at", "jti", "principal", "signed", "subject")

    def __init__(self, signed: _Signed, subject: _Subject, principal: Principal) -> None:
        self.signed = signed
        self.expires_at = signed.claims.expires_at
        self.jti = signed.claims.jti
        self.subject = subject
        self.principal = principal


class TokenVerifier:
    """One worker's verifier; it hears of changes through `changes`, whose loop somebody runs."""

    def __init__(
        self, database: Database, changes: ChangeFeed, box: Secretbox, settings: Settings
    ) -> None:
        self.keys = KeyRing(database, box)
        self._database = database
        self._changes = changes
        self.issuer = settings.base_url
        self._tokens: dict[bytes, _Token] = {}
        self._epoch = 0
        self._subjects: dict[SubjectKey, _Subject] = {}
        self._revocations = Revocations(database)
        self._ended = self._revocations.ended
        self._listen()

    def _listen(self) -> None:
        self._changes.on(KIND, self._revocations.add)
        self._changes.on("person", lambda person_id: self._drop(("person", person_id)))
        self._changes.on("client", lambda client_id: self._drop(("client", client_id)))
        self._changes.on("department", self._drop_department)
        self._changes.on("keys", lambda _: self._drop_signatures())
        # A declared restore ends whatever was issued to anybody (auth/restoration.py).
        self._changes.on(generation.KIND, lambda _: self._reset())
        self._changes.on_reset(self._reset)

    def cached(self, token: bytes) -> Principal | None:
        """Return who presents a token seen before; None when `verify` has to look.

        Raises TokenExpired and TokenRevoked. Nothing is believed that could not be confirmed
        within the last `rules_stale_seconds` (P3).
        """
        return self.known(sha256(token).digest())

    def known(self, digest: bytes) -> Principal | None:
        """Like `cached`, by the SHA-256 of the token: for who asks again and again."""
        known = self._tokens.get(digest)
        if known is None:
            return None
        if known.expires_at <= epoch():
            raise TokenExpired
        if known.jti in self._ended:
            raise TokenRevoked
        if known.subject.current and monotonic() < self._changes.fresh_until:
            return known.principal
        return None

    def last_known(self, token: bytes) -> Principal | None:
        """Return who presented the token when it was confirmed last, whether or not it holds now.

        For what must be read while the database, which confirms, is away; nothing is decided by
        it. None for a token that this worker has not seen, or knows to have ended.
        """
        known = self._tokens.get(sha256(token).digest())
        if known is None or known.expires_at <= epoch() or known.jti in self._ended:
            return None
        return known.principal if known.subject.current else None

    async def verify(self, token: bytes) -> Principal:
        """Return who presents the token, with the roles and scopes of this moment.

        Raises TokenInvalid, TokenExpired, TokenRevoked, and Unavailable without a database.
        """
        principal = self.cached(token)
        if principal is not None:
            return principal
        async with _database_needed():
            signed = await self._signed(token)
            if self._changes.fresh:
                return await self._remembered(token, signed)
            return await self._asked(signed)

    async def claims(self, token: bytes) -> Claims:
        """Return what a token of ours says, if it is signed and lives; raises 401 errors."""
        return (await self._signed(token)).claims

    async def _signed(self, token: bytes) -> _Signed:
        known = self._tokens.get(sha256(token).digest())
        signed = known.signed if known else await self._read(token)
        if signed.claims.expires_at <= epoch():
            raise TokenExpired
        return signed

    async def _read(self, token: bytes) -> _Signed:
        at, kid = self._epoch, claims.named_key(token)
        key = await self.keys.verifying(kid)
        if key is None:
            raise TokenInvalid
        said = claims.read(token, key, self.issuer)
        # Whoever stole a key could sign tokens for years: none of ours begins in the future.
        if said.issued_at > epoch() + AHEAD_SECONDS:
            raise TokenInvalid
        return _Signed(said, kid, at)

    async def _remembered(self, token: bytes, signed: _Signed) -> Principal:
        await self._revocations.complete()
        said = signed.claims
        subject = await self._subject(said)
        if said.jti in self._ended:
            raise TokenRevoked
        principal = _principal(said, subject.standing)
        if signed.epoch != self._epoch:
            # A key changed while this was looked up: the signature may be one of a retired key.
            signed = await self._read(token)
        if signed.epoch == self._epoch:
            self._remember(sha256(token).digest(), _Token(signed, subject, principal))
        return principal

    async def _asked(self, signed: _Signed) -> Principal:
        """Ask the database itself while changes may be missed; nothing is remembered."""
        said = signed.claims
        async with self._database.reading() as session:
            if not await self.keys.is_in_force(session, signed.kid):
                raise TokenInvalid
            if await store.is_revoked(session, said.jti):
                raise TokenRevoked
            return _principal(said, await _standing(session, said))

    async def _subject(self, said: Claims) -> _Subject:
        """Return the subject as it is known, or read it; one that changes meanwhile again."""
        key = (said.kind, said.subject)
        for _ in range(ATTEMPTS):
            subject = self._subjects.get(key) or self._new_subject(key)
            async with subject.lock:
                if subject.standing is None:
                    async with self._database.reading() as session:
                        subject.standing = await _standing(session, said)
            if subject.current:
                return subject
        raise Unavailable

    def _new_subject(self, key: SubjectKey) -> _Subject:
        if len(self._subjects) >= SUBJECTS_MAX:
            self._drop(next(iter(self._subjects)))
        subject = self._subjects[key] = _Subject()
        return subject

    def _remember(self, digest: bytes, token: _Token) -> None:
        """Keep the token; the oldest one goes when there is no room, as it would end first."""
        if len(self._tokens) >= TOKENS_MAX and digest not in self._tokens:
            del self._tokens[next(iter(self._tokens))]
        self._tokens[digest] = token

    def _drop(self, key: SubjectKey) -> None:
        subject = self._subjects.pop(key, None)
        if subject is not None:
            subject.current = False

    def _drop_department(self, uscc: str) -> None:
        """Drop everybody of a department, and whoever is being read at this moment."""
        for key, subject in list(self._subjects.items()):
            if subject.standing is None or subject.standing.department == uscc:
                self._drop(key)

    def _drop_signatures(self) -> None:
        self._epoch += 1
        self.keys.forget()
        self._tokens.clear()

    def _reset(self) -> None:
        """Forget all: a key may have retired, and anything else may have changed, unheard."""
        self._revocations.reset()
        self._drop_signatures()
        for key in list(self._subjects):
            self._drop(key)


async def _standing(session: ReadSession, said: Claims) -> Standing | None:
    return await standings.get(session, said.kind, said.subject)


def _principal(said: Claims, standing: Standing | None) -> Principal:
    """Return what the token still allows; raises TokenRevoked when its subject was suspended."""
    if standing is None or not standing.active or standing.generation != said.generation:
        raise TokenRevoked
    scopes = said.scopes if standing.scopes is None else said.scopes.intersection(standing.scopes)
    return Principal(
        kind=said.kind,
        id=said.subject,
        department=standing.department,
        region_code=standing.region_code,
        is_authority=standing.is_authority,
        roles=frozenset(Role(role) for role in standing.roles),
        scopes=scopes,
        token_id=said.jti,
        expires_at=float(said.expires_at),
        rate_limit=standing.rate_limit,
    )


@asynccontextmanager
async def _database_needed() -> AsyncIterator[None]:
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise Unavailable from error
