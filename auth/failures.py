"""Failures of one source: counted, told in the audit log within a bound, slowed down."""

from dataclasses import dataclass
from datetime import datetime

from auth import opaque, throttle
from auth.errors import TooManySignInAttempts
from auth.events import AuthEvent
from auth.source import Source
from auth.store import sign_ins as store
from kernel import audit
from kernel.actor import Actor
from kernel.database import Database, ReadSession, WriteSession


@dataclass(frozen=True, slots=True)
class Budget:
    """What failures of one name from one source are counted under.

    `browser` is set for a browser that the person signed in with before: it is a source of its
    own, whatever else comes from its address.
    """

    name: str
    source: Source
    browser: str | None = None

    @property
    def key(self) -> bytes:
        place = f"browser {self.browser}" if self.browser else f"network {self.source.network}"
        return opaque.digest(f"{self.name}\0{place}")

    @property
    def source_key(self) -> bytes:
        return opaque.digest(f"\0network {self.source.network}")


async def require_patience(
    session: ReadSession, budget: Budget, *, names_max: int, now: datetime
) -> None:
    """Raise TooManySignInAttempts while the name, or any stranger from there, must wait."""
    wait = await _wait(session, budget.key, now)
    if budget.browser is None:
        most = throttle.SOURCE_WAIT_MAX_SECONDS
        wait = max(wait, await _wait(session, budget.source_key, now, free=names_max, most=most))
    if wait:
        raise TooManySignInAttempts(retry_after_seconds=wait)


async def _wait(
    session: ReadSession,
    key: bytes,
    now: datetime,
    *,
    free: int = throttle.FREE_FAILURES,
    most: int = throttle.WAIT_MAX_SECONDS,
) -> int:
    found = await store.failures(session, key)
    if found is None:
        return 0
    return throttle.wait_seconds(found.failures, found.last_at, now, free=free, most=most)


async def wait_of(session: ReadSession, budget: Budget, now: datetime) -> int:
    """Return how many seconds whoever fails under this budget has to wait still."""
    return await _wait(session, budget.key, now)


async def count_alone(session: WriteSession, budget: Budget, now: datetime) -> int:
    """Count a failure of this budget and of nothing else; return how many there were."""
    return await store.count_failure(session, budget.key, now)


async def count(session: WriteSession, budget: Budget, now: datetime) -> int:
    """Count a failed sign-in and return how many there were; a new name counts for its source."""
    failures = await store.count_failure(session, budget.key, now)
    if budget.browser is None and failures == 1:
        return await store.count_failure(session, budget.source_key, now)
    return failures


async def clear(session: WriteSession, budget: Budget) -> None:
    await store.clear_failures(session, budget.key)


async def tell_refusal(
    database: Database, actor: Actor, source: Source, error: str, reason: str, now: datetime
) -> int:
    """Record that somebody was refused a token; return how long its next failure must wait.

    Of one caller and source the first five refusals of an hour are told, then each doubling.
    """
    key = Budget(f"refused {actor.kind} {actor.id}", source).key
    async with database.transaction() as session:
        failures = await store.count_failure(session, key, now)
        if throttle.is_told(failures):
            details = {
                "error": error,
                "reason": reason,
                "source": source.address,
                "failures": failures,
            }
            audit.record(session, actor, AuthEvent.TOKEN_REFUSED, actor.kind, actor.id, **details)
    return throttle.wait_seconds(failures, now, now, free=throttle.FREE_SECRETS)


async def refusal_wait(session: ReadSession, actor: Actor, source: Source, now: datetime) -> int:
    """Return how long a caller whose secret is wrong has to wait still."""
    key = Budget(f"refused {actor.kind} {actor.id}", source).key
    return await _wait(session, key, now, free=throttle.FREE_SECRETS)
