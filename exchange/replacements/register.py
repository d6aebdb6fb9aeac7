"""Full replacements: begin, find, commit, abort, for publishers, clerks and heads."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from auth.principal import Principal, Scope
from catalog import versions
from exchange import store as moving
from exchange.events import ExchangeEvent
from exchange.latest import replaced
from exchange.latest import store as folds
from exchange.latest.asking import asking
from exchange.latest.errors import StateIncomplete
from exchange.log.reader import LATEST, READ_UNCOMMITTED, Reader
from exchange.log.topic_ids import TopicIds
from exchange.log.topics import topic_of
from exchange.publishing.publish import Publisher
from exchange.publishing.quarantine import Quarantine
from exchange.publishing.quarantine_entries import require_own
from exchange.replacements import store
from exchange.replacements.committing import KIND
from exchange.replacements.errors import KeysUnreadable, ReplacementOpen, TooManyDeletes
from exchange.replacements.figures import figures
from exchange.replacements.progress import have_reached
from exchange.replacements.refused import RefusedReader
from exchange.replacements.states import (
    LASTS,
    Action,
    State,
    actions,
    most_deletes,
    next_state,
    state_at,
)
from exchange.replacements.tables import Replacement
from kernel import audit, clock, jobs
from kernel.database import Database, ReadSession, WriteSession
from kernel.errors import NotFound
from kernel.ids import new_id
from kernel.jobs import NewJob
from kernel.paging import Page, PageRequest
from kernel.tables import JobRow

SUBJECT: Final = "resource"
# Up to about so many rows a refusal is given at once; of more the job tells.
COUNTED_AT_ONCE: Final = 100_000
FOLD_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Beginning:
    """The topic of a resource and where its partitions end."""

    topic_id: bytes
    starts: Sequence[int]


@dataclass(frozen=True, slots=True)
class Standing:
    row: Replacement
    state: State
    allowed: Sequence[Action]


class Replacements:
    """What a gateway worker does about them."""

    def __init__(
        self,
        database: Database,
        reader: Reader,
        topic_ids: TopicIds,
        publisher: Publisher,
        quarantine: Quarantine,
    ) -> None:
        self._database, self._reader, self._topic_ids = database, reader, topic_ids
        self._publisher = publisher
        self._refused = RefusedReader(database, quarantine, reader.turns)

    async def ends(self, principal: Principal, resource_id: str) -> Beginning:
        """Return where the log ends at this moment; NotFound, 403 errors, BrokerUnavailable."""
        async with self._database.reading() as session:
            await require_own(session, principal, resource_id, Scope.CATALOG_WRITE)
            partitions = (await versions.contract_of(session, resource_id)).partitions
        topic = topic_of(resource_id)
        starts = [
            await self._reader.offset(topic, each, LATEST, READ_UNCOMMITTED)
            for each in range(partitions)
        ]
        return Beginning(await self._topic_ids.get(topic), starts)

    async def begin(
        self,
        session: WriteSession,
        principal: Principal,
        resource_id: str,
        beginning: Beginning,
        now: datetime,
    ) -> Standing:
        """Begin a replacement, and have the resource folded; raises ReplacementOpen."""
        await require_own(session, principal, resource_id, Scope.CATALOG_WRITE)
        await folds.ask(session, [resource_id], now)
        await store.end_expired(session, resource_id, now)
        if await store.open_one(session, resource_id) is not None:
            raise ReplacementOpen
        row = Replacement(
            id=new_id(),
            resource_id=resource_id,
            status=State.OPEN,
            topic_id=beginning.topic_id,
            starts=list(beginning.starts),
            began_by=principal.id,
            began_at=now,
            ends_at=now + LASTS,
        )
        session.add(row)
        await session.flush()
        _record(session, principal, row, ExchangeEvent.REPLACEMENT_BEGUN)
        return _standing(row, now)

    async def require_open(self, principal: Principal, resource_id: str, id_: str) -> None:
        """Raise NotFound, or IllegalTransition, unless records may be loaded for a replacement."""
        async with self._database.reading() as session:
            row = await _of(session, principal, resource_id, id_)
        next_state(state_at(row.status, row.ends_at, clock.now()), Action.COMMIT)

    async def check(
        self,
        principal: Principal,
        resource_id: str,
        id_: str,
        max_deletes: int | None,
        *,
        dry_run: bool,
    ) -> None:
        """Refuse a commit at once where that is known at once.

        Raises StateIncomplete, KeysUnreadable, TooManyDeletes, and as `commit`. What a large state
        would lose is counted by the job.
        """
        async with asking(self._database):
            async with self._database.reading() as session:
                row = await _of(session, principal, resource_id, id_)
                await _require_committable(session, row, clock.now())
                progress = await folds.progress(session, resource_id)
            if not (progress.begun and progress.caught_up):
                raise StateIncomplete(resource_id, passing=True)
        plan = (await self._publisher.plans.get(resource_id)).plan
        refused = await self._refused.read(row, plan)
        if refused.unreadable:
            raise KeysUnreadable(records=refused.unreadable)
        if dry_run or not await self._reached(row):
            return
        async with self._database.reading() as session:
            places = await replaced.folds(session, resource_id)
        found = await figures(self._database, places, row, refused, COUNTED_AT_ONCE)
        most = most_deletes(max_deletes, found.records)
        if found.records < COUNTED_AT_ONCE and found.deletes > most:
            raise TooManyDeletes(found.deletes, most, found.records)

    async def _reached(self, row: Replacement) -> bool:
        """Whether the latest state reaches the end of the log within some seconds."""
        topic = topic_of(row.resource_id)
        ends = [
            await self._reader.offset(topic, each, LATEST, READ_UNCOMMITTED)
            for each in range(len(row.starts))
        ]
        deadline = clock.monotonic() + FOLD_SECONDS
        while clock.monotonic() < deadline:
            async with self._database.reading() as session:
                places = await replaced.folds(session, row.resource_id)
            if have_reached(places, row, ends):
                return True
            await asyncio.sleep(LOOK_SECONDS)
        return False


async def commit(
    session: WriteSession,
    principal: Principal,
    resource_id: str,
    id_: str,
    max_deletes: int | None,
    *,
    dry_run: bool,
    now: datetime,
) -> JobRow:
    """Queue the job that deletes what was not loaded anew; raises IllegalTransition, TooMany."""
    await _of(session, principal, resource_id, id_)
    row = await moving.lock(session, Replacement, id_)
    await _require_committable(session, row, now)
    arguments = {"replacement_id": id_, "max_deletes": max_deletes, "dry_run": dry_run}
    new = NewJob(kind=KIND, arguments=arguments, scopes=principal.scopes)
    job = await jobs.add(session, principal.actor, new)
    if dry_run:
        return job
    if row.status == State.COMMITTING:
        row = await moving.move(session, row, next_state(State.COMMITTING, Action.REOPEN), {})
    to = next_state(State(row.status), Action.COMMIT)
    row = await moving.move(session, row, to, {"job_id": job.id})
    told = {"job": job.id, "max_deletes": max_deletes}
    _record(session, principal, row, ExchangeEvent.REPLACEMENT_COMMITTING, **told)
    return job


async def abort(
    session: WriteSession, principal: Principal, resource_id: str, id_: str, *, now: datetime
) -> Standing:
    """Stop a replacement; what was published or deleted stays. Raises IllegalTransition."""
    await _of(session, principal, resource_id, id_)
    row = await moving.lock(session, Replacement, id_)
    to = next_state(state_at(row.status, row.ends_at, now), Action.ABORT)
    row = await moving.move(session, row, to, {"ended_at": now})
    _record(session, principal, row, ExchangeEvent.REPLACEMENT_ABORTED)
    return _standing(row, now)


async def find(
    session: ReadSession, principal: Principal, resource_id: str, id_: str, *, now: datetime
) -> Standing:
    return _standing(await _of(session, principal, resource_id, id_), now)


async def page(
    session: ReadSession,
    principal: Principal,
    resource_id: str,
    request: PageRequest,
    *,
    now: datetime,
) -> Page[Standing]:
    """Return a resource's replacements, the newest first."""
    await require_own(session, principal, resource_id, Scope.CATALOG_READ)
    rows = request.page(await store.page(session, resource_id, request), "id")
    return Page([_standing(row, now) for row in rows.items], rows.next_cursor)


async def _of(
    session: ReadSession, principal: Principal, resource_id: str, id_: str
) -> Replacement:
    """Return a replacement of the caller's own resource; raises NotFound, 403 errors."""
    await require_own(session, principal, resource_id, Scope.CATALOG_WRITE)
    row = await store.find(session, id_)
    if row is None or row.resource_id != resource_id:
        raise NotFound
    return row


async def _require_committable(session: ReadSession, row: Replacement, now: datetime) -> None:
    """Raise IllegalTransition unless it is open, or its last job ended without an end."""
    state = state_at(row.status, row.ends_at, now)
    if state is State.COMMITTING:
        job = await jobs.find(session, row.job_id or "")
        if job is None or job.status not in jobs.OPEN:
            return
    next_state(state, Action.COMMIT)


def _standing(row: Replacement, now: datetime) -> Standing:
    state = state_at(row.status, row.ends_at, now)
    return Standing(row, state, actions(state))


def _record(
    session: WriteSession,
    principal: Principal,
    row: Replacement,
    event: ExchangeEvent,
    **facts: Any,  # noqa: ANN401 - what the event says
) -> None:
    facts = {"replacement": row.id, **facts}
    audit.record(session, principal.actor, event, SUBJECT, row.resource_id, **facts)
