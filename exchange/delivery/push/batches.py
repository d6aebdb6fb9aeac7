"""The next batch of a partition: gathered, cut to the bounds of an endpoint and its quota."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from exchange.delivery.cursor import Position
from exchange.delivery.gathering import Gathering
from exchange.delivery.grant_plans import GrantPlan
from exchange.delivery.push import messages
from exchange.delivery.push.receiver import Receiver
from exchange.delivery.push.tables import Lane
from exchange.delivery.push.tools import Tools
from exchange.delivery.recalled import Lane as RecalledLane
from exchange.delivery.recalled import is_pending
from exchange.metering.quota import Reservation, seconds_left_of_today

HEAD_BYTES = 256
"""What a body has beside its lines, about; an event also has its attributes and its key."""
EVENT_BYTES = 512
SEPARATOR_BYTES = 2


class QuotaUsedUpError(Exception):
    """Nothing is left of the day's quota; `seconds` lead to the next day."""

    def __init__(self) -> None:
        super().__init__("the day's quota is used up")
        self.seconds = float(seconds_left_of_today())


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines from the place `first` on to before `end`, held in the budget until released.

    `available_only`: the one line does not fit, its receiver is told where to pull it. `reserved`
    records are in the day's use, None without a quota. `told` is the last recalled key that was
    pushed before; a batch `of_recalled` keys leads to another, and to no other place of the log.
    """

    gathering: Gathering
    partition: int
    first: int
    available_only: bool = False
    reserved: int | None = None
    reservation: Reservation | None = None
    told: int = 0
    of_recalled: bool = False

    @property
    def batch_told(self) -> int | None:
        return self.gathering.told if self.of_recalled else None

    @property
    def end(self) -> int:
        return self.gathering.offsets[self.partition]

    @property
    def lines(self) -> Sequence[bytes]:
        return self.gathering.lines

    @property
    def place(self) -> tuple[int, int, int]:
        if self.of_recalled:
            return self.partition, self.told, self.gathering.told
        return self.partition, self.first, self.end


Gather = Callable[[int], Awaitable[Batch]]


def give_back(tools: Tools, reservation: Reservation | None) -> None:
    if reservation is not None:
        tools.quotas.give_back(reservation, reservation.records)


@contextmanager
def unless_written(give_back: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """Give back what was reserved where the block fails, until what it yields is called.

    From then on the lane may hold the reservation, also where nobody heard of it.
    """
    is_written = False

    def written() -> None:
        nonlocal is_written
        is_written = True

    try:
        yield written
    except BaseException:
        if not is_written:
            give_back()
        raise


async def next_batch(
    tools: Tools, plan: GrantPlan, receiver: Receiver, lane: Lane, first: int
) -> Batch:
    """Return the batch that begins at `first`; one without lines where there is nothing to show.

    What was tried before ends where it ended, unless it no longer fits; what a narrower filter
    took back comes before any record. Whoever has it releases it. Raises QuotaUsedUpError, and as
    the gatherer does.
    """
    of_recalled = is_pending(plan, lane.told)

    async def gathered(limit: int) -> Batch:
        if of_recalled:
            wanted = RecalledLane(lane.partition, lane.batch_told or plan.recall.last)
            gathering = await tools.gatherer.recalled_of_partition(
                plan, wanted, first, lane.told, limit
            )
        else:
            # A batch that waited is of records only where no recalled keys were tried instead.
            end = lane.batch_end if lane.batch_told is None else None
            gathering = await tools.gatherer.gather_partition(
                plan, lane.partition, first, limit, end
            )
        return Batch(gathering, lane.partition, first, told=lane.told, of_recalled=of_recalled)

    batch = await gathered(receiver.max_records)
    count = _fitting(receiver, batch.lines)
    if 0 < count < len(batch.lines):
        batch.gathering.release()
        batch = await gathered(count)
    elif batch.lines and not count:
        batch.gathering.release()
        return replace(await gathered(1), available_only=True)
    if not batch.lines or plan.grant.records_per_day is None:
        return batch
    return await _reserved(tools, plan, lane, batch, gathered)


def _fitting(receiver: Receiver, lines: Sequence[bytes]) -> int:
    is_event = receiver.format == messages.Format.CLOUDEVENTS
    overhead = EVENT_BYTES if is_event else SEPARATOR_BYTES
    return messages.fitting(lines, receiver.max_bytes - HEAD_BYTES, overhead)


async def _reserved(
    tools: Tools, plan: GrantPlan, lane: Lane, batch: Batch, gathered: Gather
) -> Batch:
    """Reserve what an earlier try has not, and cut the batch to what was given."""
    reserved, reservation = lane.reserved or 0, None
    missing = len(batch.lines) - reserved
    if missing > 0:
        try:
            reservation = await tools.quotas.reserve(plan.grant.id, missing)
        except BaseException:
            batch.gathering.release()
            raise
        reserved += reservation.records
    if reserved < len(batch.lines):
        batch.gathering.release()
        if not reserved:
            raise QuotaUsedUpError
        with unless_written(lambda: give_back(tools, reservation)):
            batch = await gathered(reserved)
    return replace(batch, reserved=reserved, reservation=reservation)


def body_of(
    tools: Tools, receiver: Receiver, message_id: str, batch: Batch, cursor: str, now: datetime
) -> bytes:
    """Return what is sent of a batch."""
    source = tools.sender.source(receiver.subscription_id)
    if batch.available_only:
        return messages.available_body(receiver.format, message_id, source, now, cursor)
    return messages.records_body(receiver.format, message_id, source, now, batch.lines)


def place_to_pull(plan: GrantPlan, batch: Batch, lanes: Sequence[int]) -> Position:
    """Return where a pull finds the batch first: the other partitions wait behind it."""
    offsets = list(lanes)
    offsets[batch.partition] = batch.first
    if plan.partitions == 1:
        return Position(tuple(offsets))
    bounds = list(offsets)
    bounds[batch.partition] = batch.end
    return Position(tuple(offsets), tuple(bounds))
