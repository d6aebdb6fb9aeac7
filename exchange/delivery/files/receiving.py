"""Files as subscriptions of mode `file` receive them (P3): one unit for each download begun."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from auth.principal import Principal
from catalog import versions
from exchange.delivery.admission import Caller
from exchange.delivery.files import store
from exchange.delivery.files.errors import FilesNotShown
from exchange.delivery.files.providing import GRADE_MAX, MODE
from exchange.delivery.files.states import State
from exchange.delivery.files.tables import ProvidedFile
from exchange.delivery.grant_plans import GrantPlan, GrantPlans
from exchange.delivery.lookup.door import Door, Entered
from exchange.delivery.quota_days import require_left
from exchange.delivery.snapshots import store as downloads
from exchange.delivery.snapshots.asking import Opened
from exchange.delivery.viewing.representing import PERSON, Representative
from exchange.events import ExchangeEvent
from exchange.metering.ledger import store as ledger
from exchange.metering.ledger.digests import of_file
from exchange.metering.quota import Quotas
from exchange.subscriptions.grants import Grant
from kernel import audit, blobs, clock
from kernel.database import Database, ReadSession, is_undone
from kernel.errors import Gone, NotFound
from kernel.paging import Page, PageRequest
from kernel.workdays import local_date

Result = TypeVar("Result")
UNIT: Final = 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which files are asked for: those that were ready from `since` on."""

    request: PageRequest
    since: datetime | None = None


class ReceivedFiles:
    """One gateway worker's."""

    def __init__(self, database: Database, door: Door, plans: GrantPlans, quotas: Quotas) -> None:
        self._database = database
        self._door = door
        self._plans = plans
        self._quotas = quotas

    async def page(
        self, caller: Caller, subscription_id: str, wanted: Wanted
    ) -> Page[ProvidedFile]:
        """Return what can be downloaded; 401 and 403 errors, NotFound, FilesNotShown."""

        async def work(entered: Entered) -> Page[ProvidedFile]:
            async with self._database.reading() as session:
                await _require_shown(session, entered.plan)
                return await store.page(
                    session,
                    entered.plan.grant.resource_id,
                    wanted.request,
                    state=State.READY,
                    since=wanted.since,
                    versions=_versions_shown_whole(entered.plan),
                )

        return await self._through(caller, subscription_id, work)

    async def open(self, caller: Caller, subscription_id: str, file_id: str) -> Opened:
        """Return a file that may leave; a download of its own is charged one unit.

        Raises as `page`, and QuotaExhausted.
        """
        asker = await caller.confirm()

        async def work(entered: Entered) -> Opened:
            grant = entered.plan.grant
            async with self._database.reading() as session:
                await _require_shown(session, entered.plan)
                file = await store.find(session, grant.resource_id, file_id)
                if file is None or file.status != State.READY or file.blob_id is None:
                    raise NotFound
                if not _shows_whole(entered.plan, file.version):
                    raise FilesNotShown
                blob = await blobs.find(session, file.blob_id)
            if blob is None:
                raise Gone
            await self._charge(asker, grant, file, blob.sha256)
            entered.admission()
            page = file.id if grant.ledger else None
            return Opened(blob, file.ready_at or file.created_at, entered.admission, page)

        return await self._through(caller, subscription_id, work)

    async def _charge(
        self, asker: Principal, grant: Grant, file: ProvidedFile, sha256: str
    ) -> None:
        """Charge and record a download, unless it goes on with one that began within the hour."""
        subscription_id = grant.id
        reservation = await self._quotas.reserve(subscription_id, UNIT)
        facts = {"file": file.id, "bytes": file.length, "sha256": file.sha256}
        event, begun, now = ExchangeEvent.FILE_READ, False, clock.now()
        name = f"{subscription_id}/{file.id}"
        try:
            async with self._database.transaction() as session:
                begun = await downloads.begin_download(session, name, asker.id, now)
                if begun:
                    require_left(reservation)
                    audit.record(
                        session, asker.actor, event, "subscription", subscription_id, **facts
                    )
                    if grant.ledger:
                        page = of_file(grant.id, local_date(now), file.id, sha256, UNIT)
                        await ledger.list_file(session, page)
        except BaseException as error:
            # Where the answer to the commit was lost it may have begun: it stays charged.
            begun = begun and not is_undone(error)
            raise
        finally:
            if not begun:
                self._quotas.give_back(reservation, reservation.records)

    async def _through(
        self,
        caller: Caller,
        subscription_id: str,
        work: Callable[[Entered], Awaitable[Result]],
    ) -> Result:
        """Do the work for the grant's client, or for a person of its department in its place."""
        if (await caller.confirm()).kind == PERSON:
            caller = Representative(caller, await self._plans.get(subscription_id))
        return await self._door.through(caller, subscription_id, MODE, work)


async def _require_shown(session: ReadSession, plan: GrantPlan) -> None:
    """Raise FilesNotShown where a file holds more than the grant shows at this moment."""
    as_provided = not plan.grant.row_filter and not plan.grant.editions
    whole = as_provided and _shows_whole(plan, plan.version)
    if not whole or await versions.grade_in_force(session, plan.grant.resource_id) > GRADE_MAX:
        raise FilesNotShown


def _versions_shown_whole(plan: GrantPlan) -> list[int]:
    return [number for number in plan.projection.known if _shows_whole(plan, number)]


def _shows_whole(plan: GrantPlan, number: int) -> bool:
    """Whether the grant shows every item of a version as it is.

    A file holds what the version has under which it was provided, also what later ones dropped.
    """
    version = plan.projection.known.get(number)
    return (
        version is not None
        and bool(version.items)
        and all(item.mask is None for item in version.items)
        and plan.projection.view(number).is_whole
    )
