"""Rate limits of clients and subscriptions, the same on all workers (P9, ADR 0015).

No `kernel.group_commit`: a request does not wait for the exchange with the other workers, which
comes by a timer and tells sums; only who has taken much that nobody was told of waits for it.
"""

import asyncio
import logging
from collections.abc import Sequence

from auth.principal import Principal, RateLimit
from exchange.metering.rates import store
from exchange.metering.rates.bucket import EXCHANGE_SECONDS, FORGET_SECONDS, Allowance, Bucket
from kernel.clock import monotonic
from kernel.database import Database, is_passing
from kernel.errors import TooMany
from kernel.settings import Settings

log = logging.getLogger(__name__)

# Two generations of so many buckets are kept, about 400 bytes each.
GENERATION_MAX = 20_000
# Beyond this, what was taken from the buckets that were touched first is not told any more.
UNTOLD_MAX = 50_000
# A database that has not answered within the first is not waited for until it answers again;
# the second ends an exchange.
PATIENCE_SECONDS = 0.5
EXCHANGE_MAX_SECONDS = 2.0

Key = str | tuple[str, str]
Buckets = tuple[Bucket, ...]


class Gate:
    """One worker's gate. While the database is away it limits alone, each worker for itself."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._client = Allowance(
            "client", settings.rate_client_per_second, settings.rate_client_burst
        )
        self._subscription = Allowance(
            "subscription",
            settings.rate_subscription_per_second,
            settings.rate_subscription_burst,
        )
        self._young: dict[Key, tuple[Bucket, RateLimit | None]] = {}
        self._old: dict[Key, tuple[Bucket, RateLimit | None]] = {}
        self._untold: list[Bucket] = []
        self._hurry = asyncio.Event()
        self._round: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._in_touch = True

    def buckets(self, principal: Principal, subscription_id: str | None = None) -> Buckets:
        """Return the buckets that a hot request takes from: the client's, the subscription's.

        A subscription's bucket is that of one client: nobody empties it for another.
        """
        limit = principal.rate_limit
        client_entry = self._young.get(principal.id)
        if client_entry is None or client_entry[1] is not limit:
            client_entry = self._find(principal.id, limit)
        if subscription_id is None:
            return (client_entry[0],)
        key = (principal.id, subscription_id)
        subscription_entry = self._young.get(key)
        if subscription_entry is None or subscription_entry[1] is not limit:
            subscription_entry = self._find(key, limit)
        return (client_entry[0], subscription_entry[0])

    async def take(self, buckets: Buckets) -> None:
        """Take one request from each of them, or from none; raises TooMany with Retry-After."""
        while not self.taken(buckets):
            await self._next_round()

    def taken(self, buckets: Buckets) -> bool:
        """Take at once; False where the other workers must be told first: `take` waits for it."""
        now = monotonic()
        blind = False
        for bucket in buckets:
            # `has_room` and `is_blind` written out: two calls for each bucket of each request.
            if bucket.due - now > bucket.most_ahead:
                raise _refusal(bucket, now)
            if bucket.unknown >= bucket.blind_max:
                blind = True
        if blind and self._in_touch:
            return False
        for bucket in buckets:
            if bucket.take(now):
                self._untold.append(bucket)
        return True

    def _find(self, key: Key, limit: RateLimit | None) -> tuple[Bucket, RateLimit | None]:
        """Return the bucket under the limit that is in force now; another limit is another one."""
        entry = self._young.get(key) or self._old.get(key)
        allowance = self._allowance(key, limit)
        if entry is not None and entry[0].allowance == allowance:
            bucket = entry[0]
        else:
            bucket = Bucket(_name(key, allowance), allowance)
        if len(self._young) >= GENERATION_MAX:
            self._young, self._old = {}, self._young
        self._young[key] = (bucket, limit)
        return self._young[key]

    def _allowance(self, key: Key, limit: RateLimit | None) -> Allowance:
        if isinstance(key, str):
            usual = self._client
            own = (limit.per_second, limit.burst) if limit else (None, None)
        else:
            usual = self._subscription
            own = (
                (limit.subscription_per_second, limit.subscription_burst) if limit else (None, None)
            )
        return Allowance(usual.name, own[0] or usual.per_second, own[1] or usual.burst)

    async def _next_round(self) -> None:
        """Return when the other workers have been told, or cannot be."""
        self._hurry.set()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.shield(self._round)
        except TimeoutError:
            self._in_touch = False

    async def run(self) -> None:
        """Tell for ever what was taken here, and learn what was taken elsewhere."""
        while True:
            try:
                async with asyncio.timeout(EXCHANGE_SECONDS):
                    await self._hurry.wait()
            except TimeoutError:
                pass
            self._hurry.clear()
            await self.exchange()

    async def exchange(self) -> None:
        """Tell of every bucket from which enough was taken to be worth it, in one statement."""
        now = monotonic()
        telling = self._worth_telling(now)
        if telling:
            await self._tell(telling, now)
        self._round.set_result(None)
        self._round = asyncio.get_running_loop().create_future()

    def _worth_telling(self, now: float) -> list[Bucket]:
        telling: dict[str, Bucket] = {}
        later: list[Bucket] = []
        for bucket in self._untold[:-UNTOLD_MAX]:
            bucket.forget()
        for bucket in self._untold[-UNTOLD_MAX:]:
            # A bucket that was dropped and made anew is two of one key: they take turns.
            if bucket.untold >= bucket.tell_at and bucket.key not in telling:
                telling[bucket.key] = bucket
            elif now - bucket.since < FORGET_SECONDS:
                later.append(bucket)
            else:
                bucket.forget()
        self._untold = later
        return list(telling.values())

    async def _tell(self, telling: Sequence[Bucket], now: float) -> None:
        tellings = [bucket.tell(now) for bucket in telling]
        try:
            async with (
                asyncio.timeout(EXCHANGE_MAX_SECONDS),
                self._database.transaction() as session,
            ):
                debts = await store.tell(session, tellings)
        except Exception as error:
            self._keep(telling)
            if not is_passing(error):
                raise
            log.warning("rate limits: alone without the database: %r", error)
            return
        for bucket in telling:
            bucket.learn(now, debts[bucket.key])
        self._in_touch = True

    def _keep(self, telling: Sequence[Bucket]) -> None:
        self._in_touch = False
        now = monotonic()
        for bucket in telling:
            waiting = bucket.untold > 0
            bucket.keep(now)
            if bucket.untold and not waiting:
                self._untold.append(bucket)


def _name(key: Key, allowance: Allowance) -> str:
    """Return what all workers call the bucket."""
    whose = key if isinstance(key, str) else ":".join(key)
    return f"{allowance.name}:{whose}:{allowance.per_second:g}/{allowance.burst}"


def _refusal(bucket: Bucket, now: float) -> TooMany:
    allowance = bucket.allowance
    rate, burst = f"{allowance.per_second:g}", allowance.burst
    of = {"client": ("本应用系统", "of this client"), "subscription": ("本授权", "of this grant")}
    zh, en = of[allowance.name]
    return TooMany(
        f"{zh}的请求过于频繁：平均每秒 {rate} 次、一次最多 {burst} 次；请按 Retry-After 重试",
        f"Too many requests {en}: {rate} a second, {burst} at once; wait for Retry-After",
        retry_after_seconds=bucket.room_in_seconds(now),
        policy=allowance.name,
    )
