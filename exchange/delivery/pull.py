"""Pull: a page of a subscription's records from a cursor (P3, P6)."""

import logging
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from auth.principal import Principal
from exchange.delivery import admission
from exchange.delivery.admission import Admission, Caller
from exchange.delivery.blocks import Lines
from exchange.delivery.cursor import Epoch, OtherGenerationError, OtherLogError, Position
from exchange.delivery.cursors import Cursors, position_of
from exchange.delivery.departures import Departures
from exchange.delivery.errors import CursorExpired, Day, GenerationChanged, UnknownVersion
from exchange.delivery.fold_news import FoldNews
from exchange.delivery.gathering import Gatherer, Gathering, PlanOutdatedError
from exchange.delivery.grant_plans import GrantPlan, GrantPlans
from exchange.delivery.quota_days import day_of, require_left
from exchange.delivery.recalled import is_pending
from exchange.log.errors import BrokerUnavailable, PositionExpiredError
from exchange.log.watch import Concern, Tail
from exchange.metering.counts import Counts
from exchange.metering.evidence.trails import Delivered
from exchange.metering.ledger.digests import NewPage, of_lines
from exchange.metering.ledger.pages import LedgerPages
from exchange.metering.quota import Quotas, Reservation
from exchange.subscriptions import grants
from kernel import clock
from kernel.changes import ChangeFeed
from kernel.database import Database
from kernel.workdays import local_date

MODE = "pull"
LOOK_AGAIN_SECONDS = 5.0
MAKING_SECONDS = 0.5

log = logging.getLogger(__name__)


def _never() -> bool:
    return False


class PullRequest(NamedTuple):
    """`deadline` is until when it waits for records, by the monotonic clock; 0 waits for none."""

    subscription_id: str
    cursor: str | None
    limit: int
    deadline: float
    # Whether waiting is over before its time; asked after each look at the log.
    is_over: Callable[[], bool] = _never


class Page(NamedTuple):
    """`lag` is about how many places of the log lie after the page; `day` needs a quota.

    Whoever hands the page on calls `admission` in the turn in which a piece of it is written, for
    each piece, and now and then while it waits: what it raises is the end of the page. Then it
    calls `settle`, which a page with a quota or a ledger has, once with the number of records
    handed on.
    """

    lines: Lines
    next_cursor: str
    lag: int
    admission: Callable[[], None]
    day: Day | None = None
    settle: Callable[[int], None] | None = None
    # How the delivery ledger lists the page, where the grant has one.
    listed: NewPage | None = None


class Start(NamedTuple):
    """Where a page begins; `known` says that its caller had come so far before."""

    position: Position
    epoch: Epoch
    known: bool


class Meters(NamedTuple):
    """What counts what a worker hands on."""

    counts: Counts
    quotas: Quotas
    departures: Departures
    ledger: LedgerPages


class News(NamedTuple):
    """What wakes the polls of a worker: records, and what is known of those before them."""

    tail: Tail
    folds: FoldNews


class UnknownVersions:
    """Versions that the log names and the database does not know: each is looked up once.

    They come of foreign records, or of a database that was restored to an earlier moment.
    """

    def __init__(self) -> None:
        self._looked_up: dict[tuple[str, int], float] = {}

    def require_first_look(self, plan: GrantPlan, error: PlanOutdatedError) -> None:
        """Raise UnknownVersion where all of them were looked up a moment ago, in vain."""
        now = clock.monotonic()
        for key in [k for k, until in self._looked_up.items() if until <= now]:
            del self._looked_up[key]
        resource_id = plan.grant.resource_id
        if all((resource_id, version) in self._looked_up for version in error.versions):
            raise UnknownVersion
        log.error(
            "%s holds records of versions %s after offset %d of partition %d; looked up for the"
            " %d known ones", plan.topic, sorted(error.versions), error.offset, error.partition,
            len(plan.versions),
        )  # fmt: skip
        for version in error.versions:
            self._looked_up[resource_id, version] = now + LOOK_AGAIN_SECONDS


class Puller:
    def __init__(
        self,
        database: Database,
        gatherer: Gatherer,
        news: News,
        plans: GrantPlans,
        meters: Meters,
        changes: ChangeFeed,
        cursors: Cursors,
    ) -> None:
        self._database = database
        self._gatherer = gatherer
        self._tail = news.tail
        self._folds = news.folds
        self._plans = plans
        self._counts = meters.counts
        self._quotas = meters.quotas
        self._departures = meters.departures
        self._ledger = meters.ledger
        self._changes = changes
        self._cursors = cursors
        self._unknown_versions = UnknownVersions()

    async def pull(self, caller: Caller, request: PullRequest) -> Page:
        """Return records from the cursor on, waiting for some if asked to.

        The caller is asked for at each look. Nothing is awaited between the last look at the rules
        and the return of the page. Raises 401 and 403 errors, NotFound, InvalidCursor,
        QuotaExhausted, CursorExpired, BrokerUnavailable; RulesChanged to whoever has to ask again.
        """
        start: Start | None = None
        while True:
            principal = await caller.confirm()
            plan = await admission.plan_for(
                self._plans, self._changes, principal, request.subscription_id, MODE
            )
            admitted = Admission(
                caller.known, plan, MODE, self._plans, self._changes, self._departures
            )
            if self._quotas.seems_spent(plan.grant.id):
                await self._require_quota(plan)
            if start is None:
                start = await self._start(plan, request.cursor)
            try:
                gathering = await self._gather(plan, start.position, request.limit)
                # The answer counts the page itself from the turn on in which it gets it.
                try:
                    admitted()
                    over = clock.monotonic() >= request.deadline or request.is_over()
                    if gathering.lines or gathering.moved or over:
                        return await self._finished(principal, plan, start, gathering, admitted)
                finally:
                    gathering.release()
            except PlanOutdatedError as error:
                self._unknown_versions.require_first_look(plan, error)
                self._plans.drop_resource(plan.grant.resource_id)
                continue
            except PositionExpiredError as error:
                start = await self._after_loss(plan, start, error)
                continue
            # What the filter hid so far needs no second look.
            before, start = start, start._replace(position=gathering.position)
            if start.position.told != before.position.told:
                continue
            await self._require_quota(plan)
            await self._await_news(principal, plan, gathering, request.deadline)

    async def _gather(self, plan: GrantPlan, position: Position, limit: int) -> Gathering:
        """Return what comes next: first of all what a narrower filter took back."""
        if is_pending(plan, position.told):
            return await self._gatherer.recalled(plan, position, limit)
        return await self._gatherer.gather(plan, position, limit)

    async def _require_quota(self, plan: GrantPlan) -> None:
        """Raise QuotaExhausted before anything is gathered or waited for in vain."""
        if plan.grant.records_per_day is not None:
            require_left(await self._quotas.reserve(plan.grant.id, 0))

    async def _finished(
        self,
        principal: Principal,
        plan: GrantPlan,
        start: Start,
        gathering: Gathering,
        admitted: Admission,
    ) -> Page:
        """Return the page, with a quota once its records are reserved and within what is left.

        Nothing is awaited between the last look at the rules and the return: what it refuses is
        given back. Raises QuotaExhausted, RulesChanged, and what keeps records from leaving.
        """
        if plan.grant.records_per_day is None:
            if not plan.grant.ledger:
                return self._page(principal, plan, start, gathering, admitted)
            return await self._listed(principal, plan, start, gathering, admitted, None)
        reservation = await self._quotas.reserve(plan.grant.id, len(gathering.lines))
        require_left(reservation)
        try:
            if reservation.records < len(gathering.lines):
                gathering = await self._gather(plan, start.position, reservation.records)
                gathering.release()
            return await self._listed(principal, plan, start, gathering, admitted, reservation)
        except BaseException:
            self._quotas.give_back(reservation, reservation.records)
            raise

    async def _listed(
        self,
        principal: Principal,
        plan: GrantPlan,
        start: Start,
        gathering: Gathering,
        admitted: Admission,
        reservation: Reservation | None,
    ) -> Page:
        """Return the page once the ledger has it, where there is one; raises Unavailable, too."""
        listed: NewPage | None = None
        if plan.grant.ledger and gathering.lines:
            facts = of_lines(gathering.lines)
            listed = await self._ledger.add(plan.grant.id, local_date(clock.now()), facts)
        try:
            admitted()
        except BaseException:
            if listed is not None:
                self._ledger.withdraw(listed)
            raise
        return self._page(principal, plan, start, gathering, admitted, reservation, listed)

    async def _start(self, plan: GrantPlan, cursor: str | None) -> Start:
        """Return where to begin, and whether the caller had come so far before.

        A stored position is read anew: the plan may be older than another worker's commit (P6).
        """
        if cursor is not None:
            epoch, position = await self.decode(plan, cursor)
            return Start(position, epoch, known=True)
        epoch = await self._cursors.epoch(plan)
        async with self._database.reading() as session:
            stored = await grants.position_of(session, plan.grant.id)
        if stored is None:
            return Start(Position((0,) * plan.partitions), epoch, known=False)
        try:
            return Start(position_of(stored, epoch, plan.partitions), epoch, known=True)
        except OtherLogError as error:
            raise await self._anew(plan, epoch) from error

    async def decode(self, plan: GrantPlan, cursor: str) -> tuple[Epoch, Position]:
        """Return a cursor's place and the epoch in force.

        Raises InvalidCursor, CursorExpired where the topic was made anew, GenerationChanged.
        """
        epoch = await self._cursors.epoch(plan)
        try:
            return epoch, self._cursors.decode(plan, epoch, cursor)
        except OtherLogError as error:
            raise await self._anew(plan, epoch) from error
        except OtherGenerationError as error:
            again = self._cursors.encode(plan.grant.id, epoch, error.position)
            raise GenerationChanged(cursor=again) from error

    async def _anew(self, plan: GrantPlan, epoch: Epoch) -> CursorExpired:
        """Return the refusal of a place in a topic that is gone: nobody knows how much is lost."""
        offsets = tuple(await self._gatherer.earliest(plan))
        earliest = Position(offsets, told=plan.recall.last)
        return CursorExpired(earliest_cursor=self._cursors.encode(plan.grant.id, epoch, earliest))

    async def _after_loss(
        self, plan: GrantPlan, start: Start, error: PositionExpiredError
    ) -> Start:
        """Begin at the earliest kept record; whoever came with a position is told of the gap.

        All partitions are looked at, so that one answer leads past the whole gap.
        """
        position = start.position
        earliest_offsets = await self._gatherer.earliest(plan)
        missing = position.offsets[error.partition]
        beyond = earliest_offsets[error.partition] <= missing
        if beyond and missing <= (await self._gatherer.ends(plan))[error.partition]:
            # It is there: a leader that was behind did not know of it yet.
            raise BrokerUnavailable from error
        offsets = list(map(max, position.offsets, earliest_offsets))
        offsets[error.partition] = earliest_offsets[error.partition]
        earliest = Position(tuple(offsets), told=position.told)
        if start.known:
            lost = sum(
                after - before
                for before, after in zip(position.offsets, earliest_offsets, strict=True)
                if after > before
            )
            cursor = self._cursors.encode(plan.grant.id, start.epoch, earliest)
            # Beyond the end lies what a log that is gone once held: nobody knows how much.
            if beyond or plan.grant.row_filter:
                raise CursorExpired(earliest_cursor=cursor)
            raise CursorExpired(earliest_cursor=cursor, lost=lost)
        return start._replace(position=earliest)

    async def _await_news(
        self, principal: Principal, plan: GrantPlan, gathering: Gathering, deadline: float
    ) -> None:
        concern = Concern(plan.grant.id, principal.id, principal.department, principal.token_id)
        seconds = max(min(deadline - clock.monotonic(), self._seconds_left(plan)), 0)
        if plan.recall.making:
            await self._tail.wait({}, concern, min(seconds, MAKING_SECONDS))
            return
        if gathering.unfolded is None:
            positions = {(plan.topic, p): offset for p, offset in enumerate(gathering.offsets)}
            await self._tail.wait(positions, concern, seconds)
            return
        # The records are there; what is waited for is the news that they are folded.
        with self._folds.listening(plan.grant.resource_id, plan.grant.id) as ear:
            if not await self._gatherer.is_folded(plan, gathering) and not ear.heard:
                await self._tail.wait({}, concern, min(seconds, LOOK_AGAIN_SECONDS))

    def _seconds_left(self, plan: GrantPlan) -> float:
        return (plan.grant.valid_until_moment - clock.now()).total_seconds()

    def _page(
        self,
        principal: Principal,
        plan: GrantPlan,
        start: Start,
        gathering: Gathering,
        admitted: Admission,
        reservation: Reservation | None = None,
        listed: NewPage | None = None,
    ) -> Page:
        position = gathering.position
        places = self._gatherer.lag(plan, position)
        lag = told_lag(plan, places, pending=is_pending(plan, position.told))
        delivered = Delivered(
            plan.grant.id,
            plan.grant.revision,
            plan.version,
            len(gathering.lines),
            gathering.size_bytes,
            gathering.takes,
            reservation is not None,
        )
        if gathering.scanned:
            # Who asks and finds nothing has read nothing.
            self._counts.read(principal, delivered)
        cursor = self._cursors.encode(plan.grant.id, start.epoch, position)
        if reservation is None and listed is None:
            return Page(gathering.lines, cursor, lag, admitted)
        settle = partial(self._settle, reservation, listed)
        day = None if reservation is None else day_of(reservation)
        return Page(gathering.lines, cursor, lag, admitted, day, settle, listed)

    def _settle(
        self, reservation: Reservation | None, listed: NewPage | None, handed_on: int
    ) -> None:
        """Give back what was not handed on; the ledger lists whole pages only."""
        if reservation is not None:
            self._quotas.give_back(reservation, reservation.records - handed_on)
        if listed is not None and handed_on < listed.facts.records:
            self._ledger.withdraw(listed)


def told_lag(plan: GrantPlan, places: int, *, pending: bool = False) -> int:
    """Return what may be told of the places of the log that lie ahead.

    With a row filter only whether there are any: their number would count hidden rows. What was
    taken back, and is still to be told of, counts as a place.
    """
    places = max(places, int(pending))
    return min(places, 1) if plan.grant.row_filter else places
