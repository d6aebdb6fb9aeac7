"""Snapshots as they are asked for: begun, listed, opened for a download (P3)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

from auth.principal import Principal, Role, Scope
from exchange.delivery.admission import Caller
from exchange.delivery.errors import SnapshotOutdated
from exchange.delivery.grant_plans import GrantPlan, GrantPlans
from exchange.delivery.lookup.door import Door, Entered
from exchange.delivery.quota_days import require_left
from exchange.delivery.snapshots import store
from exchange.delivery.snapshots.formats import Format
from exchange.delivery.snapshots.parquet import require_installed
from exchange.delivery.snapshots.tables import Snapshot
from exchange.delivery.snapshots.writing import identity_of
from exchange.delivery.viewing.representing import PERSON, Representative
from exchange.events import ExchangeEvent
from exchange.latest import reading
from exchange.latest.asking import asking
from exchange.metering.ledger import store as ledger
from exchange.metering.ledger.digests import of_file
from exchange.metering.quota import Quotas
from kernel import audit, blobs, clock, jobs
from kernel.database import Database, ReadSession, WriteSession
from kernel.errors import Gone, IllegalTransition, NotFound, TooMany
from kernel.ids import new_id
from kernel.jobs import KEPT_DAYS, NewJob
from kernel.paging import Page, PageRequest
from kernel.tables import BlobRow
from kernel.workdays import local_date

MODE: Final = "file"
KIND: Final = "snapshot.make"
# Of one subscription at once.
SNAPSHOTS_MAX: Final = 20
RETRY_SECONDS: Final = 3600
READY, LOST = "ready", "failed"
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Stand:
    """A snapshot and how it stands: `ready`, or the status of its job."""

    snapshot: Snapshot
    status: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that may leave, piece by piece, while `admission` lets it.

    `page` is its name in the delivery ledger, where the grant has one.
    """

    blob: BlobRow
    made_at: datetime
    admission: Callable[[], None]
    page: str | None = None


class Snapshots:
    """One gateway worker's; the files are made by `making`."""

    def __init__(self, database: Database, door: Door, plans: GrantPlans, quotas: Quotas) -> None:
        self._database = database
        self._door = door
        self._plans = plans
        self._quotas = quotas

    async def require(self, caller: Caller, subscription_id: str, wanted: Format) -> Entered:
        """Return the grant when a snapshot of it may be begun; a person has to be a clerk.

        Raises 401 and 403 errors, NotFound, Invalid, QuotaExhausted, TooMany, StateIncomplete.
        """
        _require_author(await caller.confirm())
        return await self._through(
            caller, subscription_id, lambda entered: self._may(entered, wanted)
        )

    async def _may(self, entered: Entered, wanted: Format) -> Entered:
        grant = entered.plan.grant
        async with asking(self._database), self._database.reading() as session:
            folds = await reading.states(session, grant.resource_id)
            reading.require_complete(grant.resource_id, folds)
            await _require_room(session, grant.id)
        require_left(await self._quotas.reserve(grant.id, 0))
        if wanted is Format.PARQUET:
            require_installed()
        return entered

    async def begin(
        self, session: WriteSession, author: Principal, entered: Entered, wanted: Format
    ) -> Snapshot:
        """Queue the job of a snapshot; TooMany where too many snapshots or jobs are there."""
        grant, now = entered.plan.grant, clock.now()
        await store.hold(session, grant.id)
        await _require_room(session, grant.id)
        snapshot_id = new_id()
        arguments = {"snapshot_id": snapshot_id, "subscription_id": grant.id}
        new = NewJob(kind=KIND, arguments=arguments, scopes=author.scopes)
        job = await jobs.add(session, author.actor, new)
        snapshot = Snapshot(
            id=snapshot_id,
            subscription_id=grant.id,
            job_id=job.id,
            format=wanted,
            revision=grant.revision,
            created_by_kind=author.kind,
            created_by=author.id,
            created_at=now,
            expires_at=now + timedelta(days=KEPT_DAYS),
        )
        session.add(snapshot)
        return snapshot

    async def drop(self, caller: Caller, subscription_id: str, snapshot_id: str) -> None:
        """Forget a snapshot, made or not; what is being downloaded of it may be for an hour.

        A person has to be a clerk. Raises 401 and 403 errors, and NotFound.
        """
        author = await caller.confirm()
        _require_author(author)

        async def work(_entered: Entered) -> None:
            now = clock.now()
            async with self._database.transaction() as session:
                row = await store.drop(session, subscription_id, snapshot_id, now)
                if row is None:
                    raise NotFound
                if row.blob_id is not None:
                    await blobs.end(session, row.blob_id, now + store.DOWNLOAD)
                facts = {"snapshot": row.id, "format": row.format, "sha256": row.sha256}
                event = ExchangeEvent.SNAPSHOT_REMOVED
                audit.record(session, author.actor, event, "subscription", subscription_id, **facts)

        await self._through(caller, subscription_id, work)

    async def page(self, caller: Caller, subscription_id: str, request: PageRequest) -> Page[Stand]:
        """Return the snapshots that are kept; raises as `one`."""

        async def work(_entered: Entered) -> Page[Stand]:
            async with self._database.reading() as session:
                found = await store.page(session, subscription_id, request, clock.now())
                stands = [await _stand(session, row) for row in found.items]
            return Page(stands, found.next_cursor)

        return await self._through(caller, subscription_id, work)

    async def one(self, caller: Caller, subscription_id: str, snapshot_id: str) -> Stand:
        """Return a snapshot; raises 401 and 403 errors, NotFound and RulesChanged."""

        async def work(_entered: Entered) -> Stand:
            async with self._database.reading() as session:
                row = await store.find(session, subscription_id, snapshot_id, clock.now())
                if row is None:
                    raise NotFound
                return await _stand(session, row)

        return await self._through(caller, subscription_id, work)

    async def open(self, caller: Caller, subscription_id: str, snapshot_id: str) -> Opened:
        """Return the file of a snapshot, while the grant shows what it holds.

        Raises as `one`, IllegalTransition before it is made, and SnapshotOutdated.
        """
        asker = await caller.confirm()

        async def work(entered: Entered) -> Opened:
            row, blob = await self._file(entered.plan, subscription_id, snapshot_id)
            listed = entered.plan.grant.ledger
            await self._record(asker, row, blob.sha256 if listed else None)
            entered.admission()
            page = row.id if listed else None
            return Opened(blob, row.made_at or row.created_at, entered.admission, page)

        return await self._through(caller, subscription_id, work)

    async def _file(
        self, plan: GrantPlan, subscription_id: str, snapshot_id: str
    ) -> tuple[Snapshot, BlobRow]:
        async with self._database.reading() as session:
            row = await store.find(session, subscription_id, snapshot_id, clock.now())
            if row is None:
                raise NotFound
            if row.blob_id is None:
                raise IllegalTransition(state=(await _stand(session, row)).status, allowed=[])
            blob = await blobs.find(session, row.blob_id)
        if blob is None:
            raise Gone
        if row.revision != plan.grant.revision or row.identity != identity_of(
            plan.projection, row.versions or ()
        ):
            raise SnapshotOutdated
        return row, blob

    async def _record(self, asker: Principal, snapshot: Snapshot, listed: str | None) -> None:
        """Leave a trace of a download, once for all its ranges within an hour.

        `listed` is the digest that the delivery ledger keeps.
        """
        event = ExchangeEvent.SNAPSHOT_READ
        facts = {"snapshot": snapshot.id, "rows": snapshot.rows, "sha256": snapshot.sha256}
        now, thing = clock.now(), snapshot.subscription_id
        async with self._database.transaction() as session:
            if not await store.begin_download(session, snapshot.id, asker.id, now):
                return
            audit.record(session, asker.actor, event, "subscription", thing, **facts)
            if listed is not None:
                page = of_file(thing, local_date(now), snapshot.id, listed, snapshot.rows or 0)
                await ledger.list_file(session, page)

    async def _through(
        self,
        caller: Caller,
        subscription_id: str,
        work: Callable[[Entered], Awaitable[Result]],
    ) -> Result:
        """Do the work for the grant's client, or for a person of its department in its place."""
        principal = await caller.confirm()
        if principal.kind == PERSON:
            caller = Representative(caller, await self._plans.get(subscription_id))
        return await self._door.through(caller, subscription_id, MODE, work)


def _require_author(principal: Principal) -> None:
    """Raise 403 errors for a person who may not have snapshots made and removed."""
    if principal.kind == PERSON:
        principal.require_scope(Scope.APPLICATIONS_WRITE)
        principal.require_role(Role.CLERK)


async def _require_room(session: ReadSession, subscription_id: str) -> None:
    if await store.count(session, subscription_id, clock.now()) >= SNAPSHOTS_MAX:
        raise TooMany(
            f"该授权已有 {SNAPSHOTS_MAX} 个快照，请删除不再需要的，或待其到期",
            f"This subscription has {SNAPSHOTS_MAX} snapshots: delete one, or wait until one ends",
            retry_after_seconds=RETRY_SECONDS,
            policy="snapshots",
        )


async def _stand(session: ReadSession, row: Snapshot) -> Stand:
    if row.blob_id is not None:
        return Stand(row, READY)
    job = await jobs.find(session, row.job_id)
    return Stand(row, LOST if job is None else job.status)
