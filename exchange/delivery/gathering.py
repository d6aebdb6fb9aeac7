"""Gathering: the records of a page from a place of the log on, in a repeatable order (P6)."""

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import add

from exchange.delivery import store
from exchange.delivery.blocks import Block, Lines, block
from exchange.delivery.correction_marks import with_marks
from exchange.delivery.cursor import Position
from exchange.delivery.grant_plans import GrantPlan
from exchange.delivery.predecessors import Predecessors, PredecessorSource
from exchange.delivery.recalled import Lane, deletes
from exchange.delivery.shown import BLOCK_RECORDS, block_of, prepared
from exchange.log.chunk_cache import ChunkCache
from exchange.log.chunks import Chunk
from exchange.log.reader import EARLIEST, LATEST, Reader
from exchange.metering.evidence.trails import Take
from kernel import clock
from kernel.database import Database
from kernel.errors import Unavailable
from kernel.turns import Steps, done_within

RECORD_BYTES_GUESS = 400
FETCH_BYTES_MIN = 64 * 1024
FETCH_BYTES_MAX = 4 * 1024 * 1024
PAGE_BYTES_MAX = 8 * 1024 * 1024
# A filter that lets little through ends a page here, so that one client cannot hold the loop, nor
# the chunks of more records than these.
SCANNED_MAX = 50_000
READ_BYTES_MAX = 32 * 1024 * 1024
# Lines of all pages that are being filled on one worker.
UNDER_WAY_BYTES_MAX = 256 * 1024 * 1024
# Acknowledged records are seen at once, so a page waits so long for them to be folded.
FOLD_SECONDS = 3.0
# Larger pages are projected in turns, and of others what takes longer than this.
AT_ONCE = 500
AT_ONCE_SECONDS = 0.002


class PlanOutdatedError(Exception):
    """The log holds records of versions that the plan does not know yet."""

    def __init__(self, versions: Collection[int], partition: int, offset: int) -> None:
        super().__init__(f"versions {sorted(versions)} from offset {offset} of {partition} on")
        self.versions = frozenset(versions)
        self.partition = partition
        self.offset = offset


class Budget:
    """Bytes of pages that one worker fills at once."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self.held_bytes = 0

    def hold(self, size_bytes: int) -> None:
        """Count bytes in; raises Unavailable beyond the budget."""
        if self.held_bytes + size_bytes > self._most_bytes:
            raise Unavailable("本节点处理中的数据过多，请稍后重试", "Too much under way; try again")
        self.held_bytes += size_bytes

    def release(self, size_bytes: int) -> None:
        self.held_bytes -= size_bytes


@dataclass(slots=True)
class Gathering:
    """A page that is being filled; `bounds` end the round, none with one partition.

    `size_bytes` are those of the lines, held in the budget until they are released; `read_bytes`
    those of the records that were looked at and of their predecessors, `measured` only once a page
    may come near the bound. `unfolded` is a partition of which nobody knows yet what left, `told`
    the last recalled key that the reader was told of.
    """

    limit: int
    start: tuple[int, ...]
    offsets: list[int]
    bounds: tuple[int, ...]
    budget: Budget
    lines: Lines = field(default_factory=Lines)
    size_bytes: int = 0
    scanned: int = 0
    read_bytes: int = 0
    read_at_most: int = 0
    measured: bool = False
    unfolded: int | None = None
    patient_until: float | None = None
    told: int = 0
    takes: list[Take] = field(default_factory=list)

    @property
    def full(self) -> bool:
        return len(self.lines) >= self.limit or self.size_bytes >= PAGE_BYTES_MAX or self.moved

    @property
    def position(self) -> Position:
        """Where the next page begins; a round that is over leaves no bounds behind."""
        position = Position(tuple(self.offsets), self.bounds, self.told)
        return position._replace(bounds=()) if position.round_is_over else position

    @property
    def moved(self) -> bool:
        """Whether the page ends because it was full of records that the grant does not show."""
        return self.scanned >= SCANNED_MAX or self.read_bytes >= READ_BYTES_MAX

    @property
    def round_is_over(self) -> bool:
        return Position(tuple(self.offsets), self.bounds).round_is_over

    def begin_chunk(self, chunk: Chunk) -> None:
        """Begin to measure what is read when the chunks together might pass the bound."""
        self.read_at_most += chunk.size_bytes
        if self.measured or self.read_at_most < READ_BYTES_MAX:
            return
        self.measured = True
        for take in self.takes:
            offsets = take.chunk.offsets
            begin, end = bisect_left(offsets, take.first), bisect_left(offsets, take.end)
            self.read_bytes += sum(_sizes(take.chunk, begin, end))

    def add(self, block: Block, read_bytes: int) -> None:
        """Take in lines and the bytes that they were made of; raises Unavailable."""
        self.budget.hold(block.size_bytes)
        self.lines.add(block)
        self.size_bytes += block.size_bytes
        self.scanned += block.count
        self.read_bytes += read_bytes

    def release(self) -> None:
        """Leave the budget: from here on somebody else counts the page."""
        self.budget.release(self.size_bytes)


@contextmanager
def released(gathering: Gathering) -> Iterator[None]:
    """Release a page when the block ends, however it ends."""
    try:
        yield
    finally:
        gathering.release()


class Gatherer:
    def __init__(self, database: Database, reader: Reader, predecessors: PredecessorSource) -> None:
        self._database = database
        self._reader = reader
        self._predecessors = predecessors
        self._budget = Budget(UNDER_WAY_BYTES_MAX)

    async def gather(self, plan: GrantPlan, position: Position, limit: int) -> Gathering:
        """Return a page from a place on; whoever has it releases it.

        With several partitions a round that shows nothing is followed by the next one, whether the
        caller waits or not: where a page begins must not depend on that. What is not folded yet
        ends the page where it needs to be (P6: what comes after it may not come before). Raises
        PlanOutdatedError, PositionExpiredError, Unavailable where too much is under way, and as the
        reader does.
        """
        bounds = await self._bounds(plan, position)
        gathering = self._empty(position, limit, bounds)
        # How large a predecessor is does not show in the chunks that are read.
        gathering.measured = plan.projection.needs_predecessors
        try:
            while True:
                for partition in range(plan.partitions):
                    await self._read(plan, gathering, partition)
                    if gathering.unfolded is not None:
                        return gathering
                if (
                    plan.partitions == 1
                    or gathering.full
                    or gathering.lines
                    or not gathering.round_is_over
                ):
                    return gathering
                bounds = await self._bounds(plan, gathering.position)
                if bounds == tuple(gathering.offsets):
                    return gathering
                gathering.bounds = bounds
        except BaseException:
            gathering.release()
            raise

    def _empty(self, position: Position, limit: int, bounds: tuple[int, ...]) -> Gathering:
        offsets = list(position.offsets)
        page = Gathering(limit, position.offsets, offsets, bounds, self._budget)
        page.told = position.told
        return page

    async def recalled(self, plan: GrantPlan, position: Position, limit: int) -> Gathering:
        """Return deletes of keys that were taken back, none while their list is being made."""
        page = self._empty(position, limit, position.bounds)
        return await self._recalled(plan, page)

    async def recalled_of_partition(
        self, plan: GrantPlan, lane: Lane, offset: int, told: int, limit: int
    ) -> Gathering:
        """Return the same of one partition, which stands at an offset."""
        position = Position(_only(plan, lane.partition, offset), told=told)
        page = self._empty(position, limit, ())
        return await self._recalled(plan, page, lane)

    async def _recalled(
        self, plan: GrantPlan, page: Gathering, lane: Lane | None = None
    ) -> Gathering:
        tools = (self._database, self._reader.turns, plan)
        found = await deletes(*tools, page.told, page.limit, lane)
        page.add(block(found.lines), 0)
        page.told = found.told
        return page

    async def gather_partition(
        self, plan: GrantPlan, partition: int, offset: int, limit: int, end: int | None = None
    ) -> Gathering:
        """Return records of one partition, up to `end` if one is given; as `gather` otherwise."""
        bounds = () if end is None else _only(plan, partition, end)
        gathering = self._empty(Position(_only(plan, partition, offset)), limit, bounds)
        gathering.measured = plan.projection.needs_predecessors
        try:
            await self._read(plan, gathering, partition)
        except BaseException:
            gathering.release()
            raise
        return gathering

    async def _bounds(self, plan: GrantPlan, position: Position) -> tuple[int, ...]:
        """Return how far this round goes in each partition; one partition needs no bound."""
        if plan.partitions == 1 or (position.bounds and not position.round_is_over):
            return position.bounds
        ends = tuple(await self.ends(plan))
        if ends == position.offsets:
            return ends
        async with self._database.transaction() as session:
            return await store.settle(session, plan.grant.id, position.offsets, ends)

    async def _read(self, plan: GrantPlan, gathering: Gathering, partition: int) -> None:
        bound = gathering.bounds[partition] if gathering.bounds else None
        while not gathering.full:
            offset = gathering.offsets[partition]
            if bound is not None and offset >= bound:
                return
            page_bytes = (gathering.limit - len(gathering.lines)) * RECORD_BYTES_GUESS
            size = min(max(page_bytes, FETCH_BYTES_MIN), FETCH_BYTES_MAX)
            chunk = await self._reader.read(
                plan.topic, partition, offset, size, plan.grant.client_id
            )
            if chunk.next_offset <= offset:
                return
            if not chunk.versions <= plan.versions:
                raise PlanOutdatedError(chunk.versions - plan.versions, partition, offset)
            before = None
            if plan.projection.needs_predecessors:
                topic_partition = (plan.topic, partition)
                before = await self._predecessors.of(
                    plan.grant.resource_id, topic_partition, chunk, offset
                )
                if before is None:
                    if await self._await_folded(plan, gathering, topic_partition):
                        continue
                    gathering.unfolded = partition
                    return
            steps = _take(self._reader.cache, plan, gathering, partition, chunk, bound, before)
            if gathering.limit > AT_ONCE or not done_within(steps, AT_ONCE_SECONDS):
                await self._reader.turns.finish(steps, plan.grant.client_id)

    async def _await_folded(
        self, plan: GrantPlan, gathering: Gathering, topic_partition: tuple[str, int]
    ) -> bool:
        """Wait for what is in the log to be folded: usually that is a matter of moments.

        Returns whether it is worth to look again: once a page has waited so long, it ends there.
        """
        now = clock.monotonic()
        if gathering.patient_until is None:
            gathering.patient_until = now + FOLD_SECONDS
        if now >= gathering.patient_until:
            return False
        offset = gathering.offsets[topic_partition[1]]
        last = min(self._reader.cache.ends.get(topic_partition, 0), offset + gathering.limit) - 1
        await self._predecessors.await_folded(
            plan.grant.resource_id, topic_partition, max(offset, last), gathering.patient_until
        )
        return True

    async def is_folded(self, plan: GrantPlan, gathering: Gathering) -> bool:
        """Whether it is known meanwhile what left at the end of an unfolded page."""
        partition = gathering.unfolded or 0
        topic_partition = (plan.topic, partition)
        offset = gathering.offsets[partition]
        return await self._predecessors.is_folded(plan.grant.resource_id, topic_partition, offset)

    async def earliest(self, plan: GrantPlan) -> list[int]:
        """Return the first offsets that the log keeps."""
        return await self._reader.offsets(plan.topic, plan.partitions, EARLIEST)

    async def ends(self, plan: GrantPlan) -> list[int]:
        """Return the offsets behind the last records that can be read."""
        return await self._reader.offsets(plan.topic, plan.partitions, LATEST)

    def lag(self, plan: GrantPlan, position: Position) -> int:
        """Return how many places of the log lie after this one, as far as is known here."""
        return sum(
            self._reader.cache.lag((plan.topic, p), offset)
            for p, offset in enumerate(position.offsets)
        )


def _only(plan: GrantPlan, partition: int, offset: int) -> tuple[int, ...]:
    """Return the offsets of a place in one partition; the others are not looked at."""
    return tuple(offset if each == partition else 0 for each in range(plan.partitions))


def _take(
    cache: ChunkCache,
    plan: GrantPlan,
    gathering: Gathering,
    partition: int,
    chunk: Chunk,
    bound: int | None,
    before: Predecessors | None = None,
) -> Steps[None]:
    """Move records of the chunk into the page until either ends, or what is known before them."""
    offsets = chunk.offsets
    if before is not None and before.end < chunk.next_offset:
        bound = before.end if bound is None else min(bound, before.end)
    first = gathering.offsets[partition]
    index = bisect_left(offsets, first)
    last = len(offsets) if bound is None else bisect_left(offsets, bound)
    gathering.begin_chunk(chunk)
    yield from prepared(chunk)
    while index < last and not gathering.full:
        end_of_block = (index // BLOCK_RECORDS + 1) * BLOCK_RECORDS
        most = min(gathering.limit - len(gathering.lines), SCANNED_MAX - gathering.scanned)
        indexes = range(index, min(last, end_of_block, index + most))
        block = yield from block_of(
            cache, (plan.topic, partition), chunk, indexes, plan.projection, before
        )
        if plan.marks:
            seen = offsets[indexes.start : indexes.stop]
            block = with_marks(block, seen, partition, plan.marks)
        sizes = _sizes(chunk, indexes.start, indexes.stop, before) if gathering.measured else ()
        count = _fitting(gathering, block, sizes)
        gathering.add(block.part(0, count), sum(sizes[:count]))
        index += count
        yield
    beyond = chunk.next_offset if bound is None else min(bound, chunk.next_offset)
    end = gathering.offsets[partition] = offsets[index] if index < last else beyond
    gathering.takes.append(Take(partition, chunk, first, end))


def _sizes(chunk: Chunk, begin: int, end: int, before: Predecessors | None = None) -> Sequence[int]:
    """Return the bytes of records of a chunk, by their places in it, with their predecessors'."""
    sizes = chunk.sizes(begin, end)
    return sizes if before is None else list(map(add, sizes, before.sizes(begin, end)))


def _fitting(gathering: Gathering, block: Block, sizes: Sequence[int]) -> int:
    """Return how many records of a block the page takes: it ends with the one that fills it.

    Where a page ends by bytes then does not depend on where chunks and blocks begin.
    """
    room, read_room = PAGE_BYTES_MAX - gathering.size_bytes, READ_BYTES_MAX - gathering.read_bytes
    if block.size_bytes < room and sum(sizes) < read_room:
        return block.count
    for count, size in enumerate(block.sizes, 1):
        room -= size
        read_room -= sizes[count - 1] if sizes else 0
        if room <= 0 or read_room <= 0:
            return count
    return block.count
