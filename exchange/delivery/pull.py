"""Pull: a page of a subscription's records from a cursor (P3, P6)."""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, field

from auth.principal import Principal
from exchange.delivery import admission, store
from exchange.delivery import cursor as cursors
from exchange.delivery.admission import RECORDS_READ, Admission, Caller, RulesChanged
from exchange.delivery.cursor import Place
from exchange.delivery.errors import CursorExpired, Day, QuotaExhausted
from exchange.delivery.grant_plans import GrantPlan, GrantPlans
from exchange.delivery.shown import BLOCK_RECORDS, block_of
from exchange.log.errors import PositionExpiredError
from exchange.log.reader import EARLIEST, LATEST, Chunk, ChunkCache, Reader
from exchange.log.watch import Concern, Tail
from exchange.metering.counts import Counts
from exchange.metering.evidence.trails import Delivered, Take
from exchange.subscriptions import grants
from kernel import clock
from kernel.changes import ChangeFeed
from kernel.database import Database
from kernel.turns import Steps, finished
from kernel.workdays import end_of_day, local_date

MODE = "pull"
RECORD_BYTES_GUESS = 400
FETCH_BYTES_MIN = 64 * 1024
FETCH_BYTES_MAX = 4 * 1024 * 1024
PAGE_BYTES_MAX = 8 * 1024 * 1024
# A filter that lets little through ends a page here, so that one client cannot hold the loop.
SCANNED_MAX = 50_000
# Larger pages are projected in turns.
AT_ONCE = 500
# Rules that change faster than a page can be gathered are a fault, not a reason to try for ever.
ATTEMPTS = 5


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Request:
    subscription_id: str
    cursor: str | None
    limit: int
    wait_seconds: float
    # Whether waiting is over before its time; asked after each look at the log.
    is_over: Callable[[], bool] = _never


@dataclass(frozen=True, slots=True)
class Page:
    """`lag` is about how many places of the log lie after the page; `day` needs a quota.

    Whoever hands the page on calls `admission` in the turn in which a piece of it is written, for
    each piece, and now and then while it waits: what it raises is the end of the page.
    """

    lines: list[bytes]
    next_cursor: str
    lag: int
    admission: Callable[[], None]
    day: Day | None = None


class PlanOutdatedError(Exception):
    """The log holds records of a version that the plan does not know yet."""


@dataclass(slots=True)
class Gathering:
    """A page that is being filled; `bounds` end the round, none with one partition."""

    limit: int
    start: tuple[int, ...]
    offsets: list[int]
    bounds: tuple[int, ...]
    lines: list[bytes] = field(default_factory=list)
    size_bytes: int = 0
    scanned: int = 0
    takes: list[Take] = field(default_factory=list)

    @property
    def full(self) -> bool:
        return (
            len(self.lines) >= self.limit
            or self.size_bytes >= PAGE_BYTES_MAX
            or self.scanned >= SCANNED_MAX
        )

    @property
    def place(self) -> Place:
        """Where the next page begins; a round that is over leaves no bounds behind."""
        place = Place(tuple(self.offsets), self.bounds)
        return Place(place.offsets) if place.round_is_over else place

    @property
    def moved(self) -> bool:
        """Whether the page ends because it was full of records that the grant does not show."""
        return self.scanned >= SCANNED_MAX


class Puller:
    def __init__(
        self,
        database: Database,
        reader: Reader,
        tail: Tail,
        plans: GrantPlans,
        counts: Counts,
        changes: ChangeFeed,
        cursor_key: bytes,
    ) -> None:
        self._database = database
        self._reader = reader
        self._tail = tail
        self._plans = plans
        self._counts = counts
        self._changes = changes
        self._cursor_key = cursor_key

    async def pull(self, caller: Caller, request: Request) -> Page:
        """Return records from the cursor on, waiting for some if asked to.

        Nothing is awaited between the last look at the rules and the return of the page. Raises
        401 and 403 errors, NotFound, InvalidCursor, QuotaExhausted, CursorExpired,
        BrokerUnavailable, RulesChanged.
        """
        deadline = clock.monotonic() + request.wait_seconds
        place: Place | None = None
        known = False
        attempts = ATTEMPTS
        while True:
            principal = await caller.confirm()
            plan = await self._plan(principal, request.subscription_id)
            admitted = Admission(caller.known, plan, MODE, self._plans, self._changes)
            if place is None:
                place, known = await self._start(plan, request.cursor)
            try:
                found = await self._gather(plan, place, self._allowance(plan, request.limit))
                admitted()
            except PlanOutdatedError:
                self._plans.drop_resource(plan.grant.resource_id)
                continue
            except PositionExpiredError as error:
                place = await self._after_loss(plan, place, error, known=known)
                continue
            except RulesChanged:
                attempts -= 1
                if not attempts:
                    raise
                continue
            over = clock.monotonic() >= deadline or request.is_over()
            if found.lines or found.moved or over:
                return self._page(principal, plan, found, admitted)
            # What the filter hid so far needs no second look.
            place = found.place
            await self._await_news(principal, plan, found, deadline)

    async def _plan(self, principal: Principal, subscription_id: str) -> GrantPlan:
        """Return the plan when a record may leave to this caller at this moment."""
        if not self._changes.fresh:
            raise RulesChanged
        principal.require_scope(RECORDS_READ)
        plan = await self._plans.of(subscription_id, principal.id)
        admission.check(principal, plan.grant, MODE)
        return plan

    def _allowance(self, plan: GrantPlan, limit: int) -> int:
        """Return how many records may leave, at most `limit`; raises QuotaExhausted."""
        quota = plan.grant.records_per_day
        if quota is None:
            return limit
        used = self._counts.used_today(plan.grant.id)
        if used is None:
            used = plan.used_at_load if plan.loaded_on == local_date(clock.now()) else 0
            self._counts.learned(plan.grant.id, used)
        left = quota - used
        if left <= 0:
            raise QuotaExhausted(Day(quota, 0, _until_midnight()))
        return min(limit, left)

    async def _start(self, plan: GrantPlan, cursor: str | None) -> tuple[Place, bool]:
        """Return where to begin, and whether the caller had come so far before.

        A stored position is read anew: the plan may be older than another worker's commit (P6).
        """
        if cursor is not None:
            return self.decode(plan, cursor), True
        async with self._database.reading() as session:
            stored = await grants.position_of(session, plan.grant.id)
        return (Place(tuple(stored)), True) if stored else (Place((0,) * plan.partitions), False)

    def decode(self, plan: GrantPlan, cursor: str) -> Place:
        """Return a cursor's place; raises InvalidCursor."""
        return cursors.decode(self._cursor_key, plan.grant.id, cursor, plan.partitions)

    def encode(self, subscription_id: str, place: Place) -> str:
        return cursors.encode(self._cursor_key, subscription_id, place)

    async def _gather(self, plan: GrantPlan, place: Place, limit: int) -> Gathering:
        bounds = await self._bounds(plan, place)
        found = Gathering(limit, place.offsets, list(place.offsets), bounds)
        for partition in range(plan.partitions):
            await self._read(plan, found, partition)
        return found

    async def _bounds(self, plan: GrantPlan, place: Place) -> tuple[int, ...]:
        """Return how far this round goes in each partition; one partition needs no bound."""
        if plan.partitions == 1 or (place.bounds and not place.round_is_over):
            return place.bounds
        ends = tuple(
            [await self._reader.offset(plan.topic, p, LATEST) for p in range(plan.partitions)]
        )
        if ends == place.offsets:
            return ends
        async with self._database.transaction() as session:
            return await store.settle(session, plan.grant.id, place.offsets, ends)

    async def _read(self, plan: GrantPlan, found: Gathering, partition: int) -> None:
        bound = found.bounds[partition] if found.bounds else None
        while not found.full:
            offset = found.offsets[partition]
            if bound is not None and offset >= bound:
                return
            wanted = (found.limit - len(found.lines)) * RECORD_BYTES_GUESS
            size = min(max(wanted, FETCH_BYTES_MIN), FETCH_BYTES_MAX)
            chunk = await self._reader.read(plan.topic, partition, offset, size)
            if chunk.next_offset <= offset:
                return
            if not chunk.versions <= plan.versions:
                raise PlanOutdatedError
            steps = _take(self._reader.cache, plan, found, partition, chunk, bound)
            if found.limit <= AT_ONCE:
                finished(steps)
            else:
                await self._reader.turns.finish(steps)

    async def _after_loss(
        self, plan: GrantPlan, place: Place, error: PositionExpiredError, *, known: bool
    ) -> Place:
        """Begin at the earliest kept record; whoever came with a position is told of the gap.

        All partitions are looked at, so that one answer leads past the whole gap.
        """
        kept = [await self._reader.offset(plan.topic, p, EARLIEST) for p in range(plan.partitions)]
        offsets = list(map(max, place.offsets, kept))
        offsets[error.partition] = kept[error.partition]
        earliest = Place(tuple(offsets))
        if known:
            lost = sum(
                after - before
                for before, after in zip(place.offsets, kept, strict=True)
                if after > before
            )
            cursor = self.encode(plan.grant.id, earliest)
            raise CursorExpired(earliest_cursor=cursor, lost=lost)
        return earliest

    async def _await_news(
        self, principal: Principal, plan: GrantPlan, found: Gathering, deadline: float
    ) -> None:
        concern = Concern(plan.grant.id, principal.id, principal.department, principal.token_id)
        positions = {(plan.topic, p): offset for p, offset in enumerate(found.offsets)}
        seconds = min(deadline - clock.monotonic(), self._seconds_left(plan))
        await self._tail.wait(positions, concern, max(seconds, 0))

    def _seconds_left(self, plan: GrantPlan) -> float:
        return (plan.grant.valid_until_moment - clock.now()).total_seconds()

    def _page(
        self, principal: Principal, plan: GrantPlan, found: Gathering, admitted: Admission
    ) -> Page:
        place = found.place
        lag = sum(
            self._reader.cache.lag((plan.topic, p), offset)
            for p, offset in enumerate(place.offsets)
        )
        shown = Delivered(
            plan.grant.id,
            plan.grant.revision,
            plan.version,
            len(found.lines),
            found.size_bytes,
            found.takes,
        )
        if found.scanned:
            # Who asks and finds nothing has read nothing.
            self._counts.read(principal, shown)
        cursor = self.encode(plan.grant.id, place)
        return Page(found.lines, cursor, lag, admitted, self._day(plan))

    def _day(self, plan: GrantPlan) -> Day | None:
        quota = plan.grant.records_per_day
        if quota is None:
            return None
        used = self._counts.used_today(plan.grant.id) or 0
        return Day(quota, max(0, quota - used), _until_midnight())


def _until_midnight() -> int:
    """Return the seconds until the day ends, Asia/Shanghai, rounded up."""
    now = clock.now()
    return int((end_of_day(local_date(now)) - now).total_seconds()) + 1


def _take(
    cache: ChunkCache,
    plan: GrantPlan,
    found: Gathering,
    partition: int,
    chunk: Chunk,
    bound: int | None,
) -> Steps[None]:
    """Move records of the chunk into the page until either ends."""
    offsets = chunk.offsets
    first = found.offsets[partition]
    place = bisect_left(offsets, first)
    last = len(offsets) if bound is None else bisect_left(offsets, bound)
    while place < last and not found.full:
        end_of_block = (place // BLOCK_RECORDS + 1) * BLOCK_RECORDS
        until = min(last, end_of_block, place + found.limit - len(found.lines))
        wanted = range(place, until)
        block = block_of(cache, (plan.topic, partition), chunk, wanted, plan.projection)
        found.lines += block.visible
        found.size_bytes += block.size_bytes
        found.scanned += until - place
        place = until
        yield
    beyond = chunk.next_offset if bound is None else min(bound, chunk.next_offset)
    end = found.offsets[partition] = offsets[place] if place < last else beyond
    found.takes.append(Take(partition, chunk, first, end))
