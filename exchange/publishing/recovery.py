"""Recovers the ledger from the log after a restore: keys that the database has forgotten (P5, P12).

A database restored to an earlier moment knows nothing of the keyed publishes after it, while the
log has their batches: their retries would store second copies. So before the first keyed publish
of a resource in a new generation, the log is read once from the restored moment to the end it had
by then, and each keyed batch is entered with its receipt (ADR 0023).
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

import msgspec

from exchange.log.accepted import Accepted, PositionRange, accepted, kept
from exchange.log.batches import digest_in
from exchange.log.chunks import Chunk
from exchange.log.headers import keyed_batch
from exchange.log.reader import LATEST, READ_UNCOMMITTED, Reader
from exchange.publishing import store
from exchange.publishing.errors import Recovering
from exchange.publishing.search import between
from exchange.publishing.tables import LogRecovery
from kernel import clock, generation
from kernel.database import Database
from kernel.generation import Generation, Generations

RECOVERED: Final = 0
"""The life of entries that come from the log: nobody's."""
UPSERT, DELETE = "upsert", "delete"
MARGIN: Final = timedelta(minutes=10)
"""How far the clocks of brokers and of whoever names the restored moment may lie apart."""
WAIT_SECONDS: Final = 10.0
RETRY_AFTER_SECONDS: Final = 5

_Entries = dict[bytes, tuple[bytes, Accepted]]


def content_digest(question: bytes, digest: bytes) -> bytes:
    """Return what tells two publishes of one key apart: what was asked, and the body's digest."""
    return hashlib.sha256(question + digest).digest()


class Recovery:
    """One worker's part in it: a topic is read by whoever needs it first, and progress is kept."""

    def __init__(self, database: Database, reader: Reader, generations: Generations) -> None:
        self._database = database
        self._reader = reader
        self._generations = generations
        self._recovered: set[str] = set()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        generations.on_raise(self._recovered.clear)

    def is_due(self, topic: str) -> bool:
        """Whether `ensure` has anything to do; costs two look-ups."""
        now = self._generations.known()
        return now is None or (now.number != generation.FIRST and topic not in self._recovered)

    async def ensure(self, topic: str, partitions: int) -> None:
        """Return once the ledger knows every key in the topic; Recovering when that takes longer.

        Raises BrokerUnavailable, OutcomeUnknown where the log cannot be read, and the database's
        errors; the next call goes on from where this one came to.
        """
        now = await self._generations.get()
        if now.number == generation.FIRST or topic in self._recovered:
            return
        task = self._under_way.get(topic)
        if task is None:
            task = asyncio.create_task(self._recover(now, topic, partitions))
            self._under_way[topic] = task
            task.add_done_callback(lambda done: self._done(topic, done))
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await asyncio.shield(task)
        except TimeoutError:
            if task.done():
                raise
            raise Recovering(retry_after_seconds=RETRY_AFTER_SECONDS) from None

    def _done(self, topic: str, done: "asyncio.Task[None]") -> None:
        self._under_way.pop(topic, None)
        if not done.cancelled():
            done.exception()  # whoever waits is told; nobody may have stayed

    async def _recover(self, now: Generation, topic: str, partitions: int) -> None:
        progress = await self._progress(now, topic, partitions)
        if not progress.done:
            await self._read(now, progress)
        if self._generations.known() == now:
            self._recovered.add(topic)

    async def _read(self, now: Generation, progress: LogRecovery) -> None:
        topic = progress.topic
        positions = msgspec.json.decode(progress.positions, type=list[int])
        for partition, end in enumerate(msgspec.json.decode(progress.ends, type=list[int])):
            start = positions[partition]
            async for chunk in between(self._reader, topic, partition, start, end):
                positions[partition] = min(chunk.next_offset, end)
                if not await self._enter(now, topic, _entries(chunk, partition), positions):
                    return
        await self._enter(now, topic, {}, positions, done=True)

    async def _progress(self, now: Generation, topic: str, partitions: int) -> LogRecovery:
        async with self._database.reading() as session:
            progress = await store.recovery(session, topic, now.number)
        if progress is not None:
            return progress
        places = range(partitions)
        moment = int(((now.restored_to or now.declared_at) - MARGIN).timestamp() * 1000)
        starts = [await self._reader.offset(topic, place, moment) for place in places]
        ends = [
            await self._reader.offset(topic, place, LATEST, READ_UNCOMMITTED) for place in places
        ]
        begun = LogRecovery(
            topic=topic,
            generation=now.number,
            positions=msgspec.json.encode(starts).decode(),
            ends=msgspec.json.encode(ends).decode(),
            done=False,
        )
        async with self._database.transaction() as session:
            return await store.begin_recovery(session, begun)

    async def _enter(
        self,
        now: Generation,
        topic: str,
        entries: _Entries,
        positions: Sequence[int],
        *,
        done: bool = False,
    ) -> bool:
        """Enter what a part of the log holds, and how far it was read; False when all is done."""
        reached = msgspec.json.encode(positions).decode()
        async with self._database.transaction() as session:
            if not await store.note_recovery(session, topic, now.number, reached, done=done):
                return False
            if entries:
                earlier = await store.recovered(session, list(entries), RECOVERED)
                rows = [
                    (intent, digest, _joined(earlier, intent, accepted_).text())
                    for intent, (digest, accepted_) in entries.items()
                ]
                await store.enter_recovered(session, rows, RECOVERED, clock.now())
        return True


def _entries(chunk: Chunk, partition: int) -> _Entries:
    """Return the keyed batches that begin in a chunk, by intent."""
    deletes = {
        offset for offset, value in zip(chunk.offsets, chunk.values, strict=True) if value is None
    }
    entries: _Entries = {}
    for first, headers in chunk.headers:
        batch = keyed_batch(headers)
        if batch is None:
            continue
        op = DELETE if first in deletes else UPSERT
        digest = content_digest(op.encode(), digest_in(headers))
        position = PositionRange(partition, first, first + batch.count - 1)
        entries[batch.intent] = (
            digest,
            Accepted(batch.version, [position], kept(batch.quarantine)),
        )
    return entries


def _joined(earlier: Mapping[bytes, str], intent: bytes, entries: Accepted) -> Accepted:
    """Add what other partitions hold of the same batch; what was read before is read again."""
    if intent not in earlier:
        return entries
    runs = {
        (each.partition, each.first_offset): each
        for each in (*accepted(earlier[intent]).positions, *entries.positions)
    }
    return msgspec.structs.replace(entries, positions=[runs[place] for place in sorted(runs)])
