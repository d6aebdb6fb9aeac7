"""What one gateway worker holds open, and who gets it."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any, cast

from fastapi import Depends, Request

from auth.tokens import TokenVerifier
from exchange.bus import Bus
from exchange.feed.gathering import KIND as FEED
from exchange.log.access import Access
from exchange.log.landmarks import LandmarkLog
from exchange.metering.rates.gate import Gate
from exchange.metrics import about
from exchange.restoration.guard import RestoreGuard
from gateway.diagnosis.doctor import Doctor
from gateway.flow_history import gateway_told
from gateway.metrics import Meters, rules_age, watch
from gateway.probe import Probe
from gateway.waits import Waits
from kernel.blobs import Blobs
from kernel.calendar import CalendarKeeper
from kernel.changes import ChangeFeed
from kernel.database import Database, ReadSession, WriteSession
from kernel.database_access import DatabaseAccess
from kernel.files import blobs_of
from kernel.history import History
from kernel.master_key import RootKey, sealed_box
from kernel.metrics_folder import MetricsFolder
from kernel.presence import Presence
from kernel.refusals import Refusals
from kernel.secretbox import Secretbox
from kernel.settings import Settings
from kernel.skew import Skew
from kernel.tasks import Loops


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    database: Database
    box: Secretbox
    changes: ChangeFeed
    loops: Loops
    tokens: TokenVerifier
    bus: Bus
    gate: Gate
    refusals: Refusals
    restore: RestoreGuard
    skew: Skew
    metrics: MetricsFolder
    blobs: Blobs
    waits: Waits
    probe: Probe = field(default_factory=Probe)
    doctor: Doctor = field(default_factory=Doctor)

    @property
    def settled(self) -> bool:
        """Whether rules, root key and a restore are known, which every request is held against."""
        compared = self.restore.passed or self.restore.restored
        return self.changes.fresh and self.box.knows_root and compared


@asynccontextmanager
async def open_services(
    settings: Settings, on_dead_loop: Callable[[], None] | None = None
) -> AsyncIterator[Services]:
    """Open everything, start the loops, and close in the opposite order."""
    place = DatabaseAccess.of(settings)
    database = Database(place, pool_size=settings.database_pool)
    box = sealed_box(settings)
    root_key = RootKey(database, box, settings)
    # A database that is away is waited for by a loop: the worker starts, and says what is missing.
    await root_key.ask()
    changes = ChangeFeed(place, stale_seconds=settings.rules_stale_seconds)
    loops = Loops(on_dead_loop)
    tokens = TokenVerifier(database, changes, box, settings)
    bus = Bus.open(settings, database, box, changes)
    bus.counts.on_flush.append(Meters().counted)
    gate = Gate(database, settings)
    refusals = Refusals(database)
    waits = Waits()
    changes.on(FEED, waits.wake)
    changes.on_reset(waits.wake_all)
    open_log = partial(LandmarkLog, Access.of(settings), bus.topics, bus.reader)
    restore = RestoreGuard(database, open_log, changes)
    calendar = CalendarKeeper(database, changes)
    skew, metrics_folder = Skew(database), MetricsFolder(settings.metrics_dir)
    loops.start("root-key", root_key.run)
    loops.start("changes", changes.run)
    loops.start("calendar", calendar.run)
    loops.start("clock", skew.run)
    loops.start("limits", gate.run)
    loops.start("refusals", refusals.run)
    loops.start("restore-guard", restore.run)
    bus.start(loops)
    here: Presence | None = None
    try:
        using = Services(
            settings, database, box, changes, loops, tokens, bus, gate, refusals, restore, skew,
            metrics_folder, blobs_of(settings), waits,
        )  # fmt: skip
        watch(using)
        here = Presence(database, "gateway", partial(_about, using))
        loops.start("presence", here.run)
        loops.start("metrics", metrics_folder.run)
        told = partial(_counted, metrics_folder)
        history = History(database, "gateway", metrics_folder.place, told)
        loops.start("history", history.run)
        yield using
    finally:
        await loops.close()
        if here is not None:
            await here.close()
        await refusals.close()
        await restore.close()
        await bus.close()
        await database.close()


def _about(using: Services) -> dict[str, Any]:
    sentences = about(using.database, using.skew, using.loops, using.bus.broker_findings)
    return sentences | {"rules_age_seconds": rules_age(using), "open_polls": using.bus.tail.waiting}


def _counted(folder: MetricsFolder) -> Mapping[str, Any]:
    return gateway_told(folder.totals())


def services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


Using = Annotated[Services, Depends(services)]


async def _write(using: Using) -> AsyncIterator[WriteSession]:
    async with using.database.transaction() as session:
        yield session


async def _read(using: Using) -> AsyncIterator[ReadSession]:
    async with using.database.reading() as session:
        yield session


# scope="function": FastAPI's default would commit after the answer was sent (ADR 0002).
Writing = Annotated[WriteSession, Depends(_write, scope="function")]
Reading = Annotated[ReadSession, Depends(_read, scope="function")]
