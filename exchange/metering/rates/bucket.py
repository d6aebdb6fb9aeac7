"""Token buckets that several workers share; pure, and without a clock of its own (ADR 0015).

A bucket is one number: `due`, the moment when it is full again. A request moves that moment by
`cost` seconds, and there is none left once it lies `depth` seconds ahead. Each worker keeps its
own buckets, tells now and then what it took, and learns what all took together.
"""

from dataclasses import dataclass
from math import ceil

# Requests of so many seconds may be known to one worker alone; what it takes is told as often.
EXCHANGE_SECONDS = 0.15
# Less than this is not worth telling yet, and after five seconds not any more.
WORTH_TELLING_SECONDS = 0.1
FORGET_SECONDS = 5.0
# The clock's grain must not cost the last request of a burst.
GRAIN = 0.01


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many requests a second on average, and `burst` of them at once after a pause."""

    name: str
    per_second: float
    burst: int


@dataclass(frozen=True, slots=True)
class Telling:
    """What a worker took from a bucket, in seconds of its refill, and how long ago it began."""

    key: str
    age: float
    owed: float
    depth: float


class Bucket:
    """One worker's view of a bucket: never emptier than the truth.

    Of the `unknown` requests the `in_flight` are being told to the others; the rest, taken from
    `since` on, are not told yet. `policy` is the allowance as a structured field item, `state` the
    item that takes what is `left`.
    """

    __slots__ = (
        "allowance", "blind_max", "cost", "depth", "due", "in_flight", "key", "most_ahead",
        "policy", "rate", "since", "state", "tell_at", "unknown",
    )  # fmt: skip

    def __init__(self, key: str, allowance: Allowance) -> None:
        self.key = key
        self.due = 0.0
        self.unknown = 0
        self.in_flight = 0
        self.since = 0.0
        self.allowance = allowance
        label = allowance.name.encode()
        self.rate = rate = allowance.per_second
        self.cost = 1 / rate
        self.depth = (allowance.burst + GRAIN) / rate
        self.most_ahead = self.depth - self.cost
        self.policy = b'"%b";q=%d;w=%d' % (label, allowance.burst, self.window_seconds)
        self.state = b'"%b";r=%%d;t=%%d' % label
        self.blind_max = max(1, int(rate * EXCHANGE_SECONDS))
        self.tell_at = max(1, int(rate * WORTH_TELLING_SECONDS))

    @property
    def window_seconds(self) -> int:
        """In how many whole seconds an empty bucket fills, at least 1."""
        return max(1, ceil(self.allowance.burst / self.rate))

    @property
    def untold(self) -> int:
        return self.unknown - self.in_flight

    def has_room(self, now: float) -> bool:
        return self.due - now <= self.most_ahead

    @property
    def is_blind(self) -> bool:
        """Whether as much was taken here as may stay unknown to the other workers."""
        return self.unknown >= self.blind_max

    def take(self, now: float) -> bool:
        """Take one request, room or not; whether it is the first that nobody has been told of."""
        due = self.due
        self.due = (due if due > now else now) + self.cost  # noqa: FURB136 - a call more
        first = self.unknown == self.in_flight
        if first:
            self.since = now
        self.unknown += 1
        return first

    def left(self, now: float) -> tuple[int, int]:
        """Return how many requests may come at once, and the seconds until the bucket is full."""
        debt = self.due - now
        if debt <= 0:
            return self.allowance.burst, 0
        return max(0, int((self.depth - debt) * self.rate)), int(debt) + 1

    def room_in_seconds(self, now: float) -> int:
        """Return after how many whole seconds a refused request finds room, at least 1."""
        return max(1, ceil(self.due - now - self.most_ahead))

    def tell(self, now: float) -> Telling:
        """Put what was taken on its way to the others."""
        age = min(now - self.since, EXCHANGE_SECONDS)
        self.in_flight = self.unknown
        return Telling(self.key, age, self.in_flight * self.cost, self.depth)

    def learn(self, told_at: float, debt: float) -> None:
        """Take over what all workers know, `debt` seconds at the moment of telling."""
        self.unknown -= self.in_flight
        self.in_flight = 0
        self.due = max(self.due, told_at + debt + self.unknown * self.cost)

    def keep(self, now: float) -> None:
        """Nobody could be told: keep what still counts, which is what has not been refilled."""
        owed = max(0, ceil((self.due - now) * self.rate))
        self.unknown = min(self.unknown, owed)
        self.in_flight = 0

    def forget(self) -> None:
        """Give up what was not worth telling."""
        self.unknown = self.in_flight


@dataclass(frozen=True, slots=True)
class Shared:
    """The bucket of all workers: since when it has not been full, and when it is due to be."""

    since: float
    due: float

    def debt(self, now: float) -> float:
        """Return the seconds in which it is full."""
        return self.due - now


def merged(shared: Shared, now: float, telling: Telling) -> Shared:
    """Return where all workers' bucket stands after a telling: what `store.tell` does in SQL.

    A telling counts from when its first request was taken, and may come after one that began
    later: requests that were refilled before those of another worker are no debt. A clock that
    was set back closes no bucket for long: beyond twice the depth and ten seconds nothing is owed.
    """
    start = now - telling.age
    due = min(shared.due, now + 2 * telling.depth + 10)
    if start >= due:
        return Shared(start, start + telling.owed)
    if start >= shared.since:
        return Shared(shared.since, due + telling.owed)
    if start + telling.owed > shared.since:
        return Shared(start, start + telling.owed + due - shared.since)
    return Shared(shared.since, due)
