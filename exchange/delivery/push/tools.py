"""What the endpoints of one worker share."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from auth.acting_clients import ActingClients
from exchange.delivery.cursors import Cursors
from exchange.delivery.departures import Departures
from exchange.delivery.fold_news import FoldNews
from exchange.delivery.gathering import Gatherer
from exchange.delivery.grant_plans import GrantPlans
from exchange.delivery.pull import UnknownVersions
from exchange.delivery.push import store
from exchange.delivery.push.pace import OPENS_AFTER, open_seconds
from exchange.delivery.push.sender import Sender
from exchange.log.watch import Tail
from exchange.metering.counts import Counts
from exchange.metering.quota import Quotas
from exchange.restoration.guard import RestoreGuard
from kernel import clock
from kernel.changes import ChangeFeed
from kernel.database import Database
from kernel.secretbox import Secretbox

TRIAL_SECONDS = 15.0
"""As long as the test of a host takes at most; nobody else tests it meanwhile."""


class Hosts:
    """Hosts that fail, as the database told last: each is left alone until a moment."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._failing: Mapping[str, tuple[int, float]] = {}

    async def look(self) -> None:
        async with self._database.reading() as session:
            rows = await store.failing_hosts(session)
        now = clock.monotonic()
        self._failing = {host: (n, now + (s or 0.0)) for host, (n, s) in rows.items()}

    def seconds_alone(self, host: str) -> float | None:
        """Return for how long a host is left alone: 0: it is to be tested, None: it works."""
        failures, until = self._failing.get(host, (0, 0.0))
        if failures < OPENS_AFTER:
            return None
        return max(0.0, until - clock.monotonic())

    async def begin_trial(self, host: str) -> bool:
        """Whether this worker may test the host now."""
        async with self._database.transaction() as session:
            is_ours = await store.begin_trial(session, host, TRIAL_SECONDS)
        await self.look()
        return is_ours

    async def failed(self, host: str) -> None:
        async with self._database.transaction() as session:
            failures = await store.host_failed(session, host, clock.now())
            seconds = open_seconds(failures)
            if seconds is not None:
                await store.leave_alone(session, host, seconds)
        await self.look()

    async def works(self, host: str) -> None:
        """Forget failures of a host, where there were any."""
        if host in self._failing:
            async with self._database.transaction() as session:
                await store.host_works(session, host)
            await self.look()


@dataclass(frozen=True, slots=True)
class Tools:
    """`me` is this process as a holder of leases."""

    me: str
    database: Database
    box: Secretbox
    changes: ChangeFeed
    restore: RestoreGuard
    clients: ActingClients
    plans: GrantPlans
    gatherer: Gatherer
    tail: Tail
    folds: FoldNews
    cursors: Cursors
    quotas: Quotas
    counts: Counts
    departures: Departures
    sender: Sender
    hosts: Hosts
    unknown_versions: UnknownVersions = field(default_factory=UnknownVersions)
