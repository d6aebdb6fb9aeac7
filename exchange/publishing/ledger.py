"""The ledger of keyed publishes: noted before the append, settled from the log (P5, ADR 0005).

A retry finds the row. With a receipt it is answered again. Without one and with its worker life
still living, the retry waits. Without one and with its life over, nobody may ever have answered:
the dead life is fenced off the partitions, the log is read from the noted ends, and either the
batch is there, or it never will be and this try may append.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

from exchange.log.accepted import Accepted, PositionRange, accepted
from exchange.log.errors import OutcomeUnknown
from exchange.log.fence import Fences
from exchange.log.reader import LATEST, READ_COMMITTED, READ_UNCOMMITTED, Reader
from exchange.log.writer import Writers
from exchange.publishing import store
from exchange.publishing.recovery import RECOVERED, Recovery
from exchange.publishing.search import LOOK_EVERY_SECONDS, WAIT_SECONDS, find_batch
from exchange.publishing.store import Intent, Noted
from exchange.publishing.tables import PublishIntent
from kernel import changes, clock
from kernel.database import Database, is_passing
from kernel.errors import IdempotencyKeyReused, Unavailable
from kernel.group_commit import GroupCommit
from kernel.statements import Statements
from kernel.write_behind import WriteBehind

# Intents of one statement.
NOTES_TOGETHER = 5_000
# How much of the log a scan may have to read in vain: what others append in this time.
ENDS_SECONDS = 60.0


log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Layout:
    """A resource's topic and how many partitions it has."""

    topic: str
    partitions: int


@dataclass(frozen=True, slots=True)
class Keyed:
    """A publish as a retry names it: `intent` is client, resource and key, `digest` the rest.

    `in_log` is as much of the digest as the log itself can tell: without `on_invalid`.
    """

    intent: bytes
    digest: bytes
    in_log: bytes = b""

    def fits(self, row: PublishIntent) -> bool:
        """Whether the try that was noted had the same body."""
        return row.digest == (self.in_log if row.life == RECOVERED else self.digest)


class Ledger:
    def __init__(
        self,
        database: Database,
        reader: Reader,
        writers: Writers,
        give_up: Callable[[int], None],
        recovery: Recovery,
    ) -> None:
        """`give_up` ends a life that does not know what it has noted."""
        self._recovery = recovery
        self._database = database
        self._reader = reader
        self._fences = Fences(writers, self._is_fenced, self._remember_fence)
        self._give_up = give_up
        self._noting, self._behind = Statements(database.access), Statements(database.access)
        self._notes: GroupCommit[Intent, bool] = GroupCommit(
            self._note, most=NOTES_TOGETHER, keeps_left=True
        )
        self._receipts = WriteBehind(partial(store.keep_receipts, self._behind))
        self._withdrawals = WriteBehind(partial(store.withdraw, self._behind))
        self._mine: dict[tuple[int, bytes], Noted] = {}
        self._ends: dict[str, tuple[float, list[int]]] = {}

    async def claim(self, keyed: Keyed, life: int, layout: Layout) -> Accepted | None:
        """Return None when this try shall append, else the positions of the first one.

        Raises IdempotencyKeyReused for another body, OutcomeUnknown when the first try of a
        living worker takes too long, Recovering after a restore.
        """
        if self._recovery.is_due(layout.topic):
            await self._recovery.ensure(layout.topic, layout.partitions)
        ends = msgspec.json.encode(await self._ends_of(layout)).decode()
        if await self._notes.submit(Intent(keyed.intent, keyed.digest, life, ends)):
            return None
        return await self._await_first(keyed, life, layout)

    async def settled(self, keyed: Keyed, layout: Layout) -> Accepted | None:
        """Return what the first try with this key and body stored, None where it stored nothing.

        Raises as `claim`, but None for another body: nothing of this one was stored.
        """
        if self._recovery.is_due(layout.topic):
            await self._recovery.ensure(layout.topic, layout.partitions)
        try:
            return await self._await_first(keyed, None, layout)
        except IdempotencyKeyReused:
            return None

    async def _await_first(self, keyed: Keyed, life: int | None, layout: Layout) -> Accepted | None:
        """Wait for the first try, or settle it; without a `life` nobody is going to append."""
        deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            async with self._database.reading() as session:
                existing = await store.find(session, keyed.intent)
                living = existing is not None and await changes.is_living(session, existing.life)
            if existing is None:
                return None if life is None else await self.claim(keyed, life, layout)
            if not keyed.fits(existing):
                raise IdempotencyKeyReused
            if existing.receipt is not None:
                return accepted(existing.receipt)
            if not living:
                return await self._settle(existing, keyed, life, layout)
            await asyncio.sleep(LOOK_EVERY_SECONDS)
        raise OutcomeUnknown

    async def _settle(
        self, existing: PublishIntent, keyed: Keyed, life: int | None, layout: Layout
    ) -> Accepted | None:
        """Decide a dead life's publish by the log; another settler may be first.

        What is found may be a part of what another settler is appending. He has taken the intent
        over before; so what is found counts only while the intent is still the dead life's.
        """
        await self._fences.raise_fence(existing.life, layout.topic, layout.partitions)
        ends = await self._visible_ends(layout)
        starts = msgspec.json.decode(existing.ends, type=list[int])
        stored = await find_batch(self._reader, layout.topic, existing.intent, starts, ends)
        if stored is None and life is None:
            return None
        first = False
        async with self._database.transaction() as session:
            if stored is not None:
                first = await store.decide(session, existing.intent, existing.life, stored.text())
            elif life is not None:
                ends_text = msgspec.json.encode(ends).decode()
                first = await store.take_over(session, existing, life, ends_text)
        if not first:
            return await self._await_first(keyed, life, layout)
        if stored is None and life is not None:
            self._mine[life, existing.intent] = Noted(existing.intent, life, existing.created_at)
        return stored

    async def _visible_ends(self, layout: Layout) -> list[int]:
        """Return the ends of the log when all before them can be read; OutcomeUnknown.

        An open transaction of anybody's hides what lies behind it until it is over, and what is
        looked for may lie there.
        """
        deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
        ends = await self._read_ends(layout, READ_UNCOMMITTED)
        while asyncio.get_running_loop().time() < deadline:
            visible = await self._read_ends(layout, READ_COMMITTED)
            if all(seen >= end for seen, end in zip(visible, ends, strict=True)):
                return ends
            await asyncio.sleep(LOOK_EVERY_SECONDS)
        raise OutcomeUnknown

    def keep(self, intent: bytes, accepted: Accepted) -> None:
        """Keep the receipt behind the answer: until then the log itself can tell."""
        self._receipts.put((intent, accepted.text()))

    async def decide(self, intent: bytes, life: int, accepted: Accepted) -> None:
        """Keep a receipt that no append stands behind; OutcomeUnknown when this life is over."""
        async with self._database.transaction() as session:
            if not await store.decide(session, intent, life, accepted.text()):
                raise OutcomeUnknown

    def withdraw(self, intent: bytes, life: int) -> None:
        """Free the key of an append that certainly did not happen."""
        if (note := self._mine.pop((life, intent), None)) is not None:
            self._withdrawals.put(note)

    def leave(self, intent: bytes, life: int) -> None:
        """Keep no more of a try that has ended: what it left undecided is settled by the log."""
        self._mine.pop((life, intent), None)

    async def _note(self, intents: Sequence[Intent]) -> list[bool]:
        """Two tries with one key may meet in a group: the first of them is the one noted."""
        firsts = {item.intent: item for item in reversed(intents)}
        now = clock.now()
        try:
            new = await store.note(self._noting, list(firsts.values()), now)
        except Exception as error:
            # Whether they were noted is not known, and they may be yet: a frozen session writes
            # when it wakes. Retries must not wait for a life that will not append them.
            for item in firsts.values():
                self._withdrawals.put(Noted(item.intent, item.life, now))
                self._give_up(item.life)
            if not is_passing(error):
                log.exception("keyed publishes could not be noted")
            raise Unavailable from error
        for intent in new:
            life = firsts[intent].life
            self._mine[life, intent] = Noted(intent, life, now)
        return [item.intent in new and firsts[item.intent] is item for item in intents]

    async def _is_fenced(self, life: int, topic: str) -> bool:
        async with self._database.reading() as session:
            return await store.is_fenced(session, life, topic)

    async def _remember_fence(self, life: int, topic: str) -> None:
        async with self._database.transaction() as session:
            await store.remember_fence(session, life, topic, clock.now())

    async def _ends_of(self, layout: Layout) -> list[int]:
        """Return ends that the log has certainly reached: a lower bound is all a scan needs."""
        read_at, ends = self._ends.get(layout.topic, (0.0, []))
        if not ends or clock.monotonic() - read_at > ENDS_SECONDS:
            ends = await self._read_ends(layout)
            self._ends[layout.topic] = (clock.monotonic(), ends)
        return ends

    async def _read_ends(self, layout: Layout, isolation: int = READ_COMMITTED) -> list[int]:
        return [
            await self._reader.offset(layout.topic, partition, LATEST, isolation)
            for partition in range(layout.partitions)
        ]

    def reached(self, layout: Layout, positions: Sequence[PositionRange]) -> None:
        """Remember how far the log is known to reach."""
        _read_at, ends = self._ends.get(layout.topic, (0.0, []))
        if ends:
            for position in positions:
                ends[position.partition] = max(ends[position.partition], position.last_offset + 1)

    async def close(self) -> None:
        """Wait a moment for what is being written; the rest is settled from the log."""
        await asyncio.gather(self._receipts.close(), self._withdrawals.close())
        await asyncio.gather(self._noting.close(), self._behind.close())
