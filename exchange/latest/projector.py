"""Folds the logs of resources into their latest state; any number of worker processes share it.

Each partition is folded by whoever holds its lease. A process that dies lets go of its leases
within LEASE_SECONDS. What is folded twice changes nothing: offset and rows are of one transaction.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from functools import partial
from typing import Final

from catalog import versions
from catalog.errors import ResourceNotPublished
from exchange.latest import store
from exchange.latest.folder import Folder, OtherLogError, Tools
from exchange.latest.store import Beginning, Lease, LeaseLostError
from exchange.log.reader import Reader
from exchange.log.topic_ids import TopicIds
from exchange.log.topics import topic_of
from exchange.log.watch import Tail
from kernel.database import Database
from kernel.errors import NotFound
from kernel.generation import current
from kernel.ids import new_id
from kernel.patience import patiently
from kernel.tasks import cancelled

log = logging.getLogger(__name__)

ROUND_SECONDS: Final = 1.0
OPEN_SECONDS: Final = 0.5
RETRY_SECONDS: Final = 1.0
LEASES_MAX: Final = 2_000
OPENED_AT_ONCE: Final = 50


class Projector:
    """The folds of one worker process."""

    def __init__(self, database: Database, reader: Reader, tail: Tail, topic_ids: TopicIds) -> None:
        self._database = database
        self._tools = Tools(database, reader, tail, topic_ids, new_id())
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._folders: dict[int, Folder] = {}
        self._opened = asyncio.Event()

    async def open_for_ever(self) -> None:
        """Begin what was asked for; a resource whose topic has no leader is tried again."""
        while True:
            await _patiently(self._open_all)
            await asyncio.sleep(OPEN_SECONDS)

    async def run(self) -> None:
        """Fold for ever; what passes is waited for, any other error is raised."""
        try:
            while True:
                self._opened.clear()
                await _patiently(self._round)
                with suppress(TimeoutError):
                    async with asyncio.timeout(ROUND_SECONDS):
                        await self._opened.wait()
        finally:
            await self._stop(list(self._tasks))
            with suppress(Exception):
                async with asyncio.timeout(RETRY_SECONDS), self._database.transaction() as session:
                    await store.release(session, self._tools.me)

    async def _open_all(self) -> None:
        async with self._database.reading() as session:
            self._tools.generation = (await current(session)).number
            unopened = await store.unopened(session, OPENED_AT_ONCE)
        if unopened:
            await asyncio.gather(*(_patiently(partial(self._open, id_)) for id_ in unopened))
            self._opened.set()

    async def _open(self, resource_id: str) -> None:
        """Begin to fold a resource with the first records that its log keeps."""
        try:
            async with self._database.reading() as session:
                partitions = (await versions.contract_of(session, resource_id)).partitions
        except (NotFound, ResourceNotPublished) as error:
            log.debug("resource %s is not folded: %s", resource_id, error)
            return
        topic, tools = topic_of(resource_id), self._tools
        topic_id = await tools.topic_ids.get(topic)
        earliest = await tools.earliest(topic, partitions)
        beginning = Beginning(resource_id, topic_id, tools.generation, earliest)
        async with self._database.transaction() as session:
            await store.begin(session, beginning)

    async def _round(self) -> None:
        """Renew the leases, take what nobody holds, and fold exactly that."""
        for task in self._tasks.values():
            if task.done():
                task.result()
        quiet = {id_: at for id_, each in self._folders.items() if (at := each.quiet_at)}
        async with self._database.transaction() as session:
            claimed = await store.claim(session, self._tools.me, LEASES_MAX, quiet)
            held = await store.held(session, self._tools.me)
        leases = {lease.fold_id: lease for lease in claimed}
        await self._stop(self._tasks.keys() - held)
        for fold_id, lease in leases.items():
            if fold_id not in self._tasks or self._tasks[fold_id].done():
                self._tasks[fold_id] = asyncio.create_task(self._fold_for_ever(lease))

    async def _stop(self, fold_ids: Collection[int]) -> None:
        for fold_id in fold_ids:
            self._folders.pop(fold_id, None)
        await cancelled([self._tasks.pop(fold_id) for fold_id in fold_ids])

    async def _fold_for_ever(self, lease: Lease) -> None:
        """Fold one partition as long as its lease is held."""
        folder = self._folders[lease.fold_id] = Folder(self._tools, lease)
        while True:
            try:
                await _patiently(folder.go_on)
            except LeaseLostError:
                return
            except OtherLogError:
                await _patiently(folder.begin_anew)
                return


async def _patiently(work: Callable[[], Awaitable[None]]) -> None:
    """A database or broker that is away is waited for; any other error is raised."""
    await patiently(work, "folding waits", RETRY_SECONDS)
