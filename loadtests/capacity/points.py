"""Which points are measured, and how one is: known work, and the processor time that it took."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median_low

from loadtests import records
from loadtests.capacity.costs import (
    FETCH,
    KEYED,
    LOOKUP,
    PAGE,
    PARTS,
    POLL,
    PROJECT,
    PUBLISH,
    TOKEN,
    Point,
)
from loadtests.capacity.ground import SLIM, Ground
from loadtests.processes import Use, between, sample
from loadtests.runs import RunFailed
from loadtests.stage import Pace, generate
from loadtests.workloads import Publish, Pull, Work

LOOKUPS = ("/v1/resources?q=压测&limit=20", "/v1/subscriptions?limit=20", "/v1/me")
MASKED_SHAPE = (len(records.NARROW), len(records.MASKS))
SLIM_SHAPE = (len(SLIM), 0)
READERS = 8
CROWD = 64


@dataclass(frozen=True, slots=True)
class Sought:
    """A point to be measured by the raw generator; `kinds` are the works of one request."""

    name: str
    work: Work
    callers: int
    kinds: Sequence[str]
    shape: tuple[int, int] | None = None

    @property
    def records(self) -> int:
        return self.work.records if isinstance(self.work, Publish) else self.work.limit

    def done(self, requests: int) -> dict[str, tuple[int, int]]:
        records_each = 0 if POLL in self.kinds else self.records
        return {
            kind: (requests, 0 if kind == KEYED else requests * records_each) for kind in self.kinds
        }


Take = Callable[[Pace], Point]
# Of a page that nobody was shown before.
COLD = (PAGE, FETCH, PROJECT)


def fitted(ground: Ground, lookups: int) -> Mapping[str, Take]:
    """Return the points that the costs are fitted to: the ends of every line."""
    world = ground.stage.world
    for limit in (100, 1000):
        ground.write(f"whole-{limit}", world.whole, limit, tuple(records.ITEMS))
    for limit in (500, 10_000):
        ground.write_all(f"missed-{limit}", world.whole, limit, tuple(records.ITEMS))
        ground.write_all(f"masked-{limit}", world.masked, limit, records.NARROW)
    empty = Pull(world.whole, 500, ground.write_empty())
    sought = [
        *(_publish(ground, batch) for batch in (1, 100, 1000)),
        _publish(ground, 1, keyed=True),
        *(_whole(ground, limit) for limit in (100, 1000)),
        *(_missed(ground, limit) for limit in (500, 10_000)),
        *(_masked(ground, limit) for limit in (500, 10_000)),
        # One caller: equal questions under way would be asked once.
        Sought("poll, nothing new", empty, 1, (POLL,)),
    ]
    takes = _takes(ground, sought)
    takes["token"] = lambda _pace: _tokens(ground, lookups // 3 + 1)
    takes["look up"] = lambda _pace: _look_up(ground, lookups)
    return takes


def checked(ground: Ground, day_seconds: float) -> Mapping[str, Take]:
    """Return the points that only check the costs: between the ends, beside them, all at once."""
    world = ground.stage.world
    everything = tuple(records.ITEMS)
    ground.write("at-hand-500", world.masked, 500, records.NARROW)
    ground.write("whole-200", world.whole, 200, everything)
    ground.write_all("slim-500", ground.slim, 500, SLIM)
    ground.write_all("missed-2000", world.whole, 2000, everything)
    for limit in (500, 2000):
        ground.write_all(f"masked-{limit}", world.masked, limit, records.NARROW)
    at_hand = Pull(world.masked, 500, str(ground.path("at-hand-500")))
    slim = Pull(ground.slim, 500, str(ground.path("slim-500")))
    sought = [
        _publish(ground, 10),
        _publish(ground, 500),
        _publish(ground, 50, keyed=True),
        # What others were shown the same way is no more work than whole records.
        Sought("pull 500, 6 of 12 items, 2 masked, at hand", at_hand, READERS, (PAGE,)),
        _masked(ground, 2000),
        Sought("pull 500, 3 of 12 items, from the broker", slim, READERS, COLD, SLIM_SHAPE),
        _missed(ground, 2000),
    ]
    takes = _takes(ground, sought)
    takes["mixed day"] = lambda _pace: _mixed(ground, day_seconds)
    return takes


def crowded(ground: Ground) -> Mapping[str, Take]:
    """Return a point that the model bounds from above: many write to one resource at once."""
    work = Publish(ground.stage.world.feeds[:1], 1)
    return _takes(ground, [Sought("publish 1, crowded", work, CROWD, (PUBLISH,))])


def _publish(ground: Ground, batch: int, *, keyed: bool = False) -> Sought:
    work = Publish(ground.stage.world.feeds, batch, keyed)
    kinds = (PUBLISH, KEYED) if keyed else (PUBLISH,)
    callers = len(work.resources)  # one for each, so that nobody's batches are merged
    return Sought(f"publish {batch}{', keyed' if keyed else ''}", work, callers, kinds)


def _whole(ground: Ground, limit: int) -> Sought:
    work = Pull(ground.stage.world.whole, limit, str(ground.path(f"whole-{limit}")))
    return Sought(f"pull {limit}, whole", work, READERS, (PAGE,))


def _masked(ground: Ground, limit: int) -> Sought:
    work = Pull(ground.stage.world.masked, limit, str(ground.path(f"masked-{limit}")))
    name = f"pull {limit}, 6 of 12 items, 2 masked, from the broker"
    return Sought(name, work, READERS, COLD, MASKED_SHAPE)


def _missed(ground: Ground, limit: int) -> Sought:
    work = Pull(ground.stage.world.whole, limit, str(ground.path(f"missed-{limit}")))
    return Sought(f"pull {limit}, from the broker", work, READERS, (PAGE, FETCH))


def _takes(ground: Ground, sought: Sequence[Sought]) -> dict[str, Take]:
    return {each.name: _taking(ground, each) for each in sought}


def _taking(ground: Ground, sought: Sought) -> Take:
    return lambda pace: _take(ground, sought, pace)


def _take(ground: Ground, sought: Sought, pace: Pace) -> Point:
    """Measure one window at full speed; raises RunFailed for any failure."""
    seen = generate(ground.stage, sought.work, sought.callers, pace)
    if seen.total.failures or not seen.window.requests:
        raise RunFailed(f"{sought.name}: {'; '.join(seen.total.complaints) or 'no answer'}")
    return _point(sought.name, seen.use, sought.done(seen.window.requests), sought.shape)


def _point(
    name: str,
    use: Use,
    done: Mapping[str, tuple[int, int]],
    shape: tuple[int, int] | None = None,
) -> Point:
    return Point(
        name=name,
        seconds=round(use.seconds, 3),
        done=done,
        cpu_seconds={part: round(use.cpu_seconds.get(part, 0.0), 3) for part in PARTS},
        others_cores=round(use.others_cpu_seconds / use.seconds, 2),
        shape=shape,
    )


def _mixed(ground: Ground, seconds: float) -> Point:
    """Let writers and readers of all kinds work beside each other, each a number of requests."""
    world = ground.stage.world
    whole = Pull(world.whole, 200, str(ground.path("whole-200")))
    day = (
        (_publish(ground, 1), 4, 150),
        (_publish(ground, 200), 2, 40),
        (_publish(ground, 20, keyed=True), 2, 30),
        (_masked(ground, 500), 2, 50),
        (Sought("pull 200, whole", whole, 2, (PAGE,)), 2, 150),
    )
    families = ground.stage.arena.families
    before = sample(families)
    with ThreadPoolExecutor(len(day)) as pool:
        runs = [
            pool.submit(_count_off, ground, sought, callers, round(rate * seconds))
            for sought, callers, rate in day
        ]
        done = [run.result() for run in runs]
    use = between(before, sample(families))
    return _point("mixed day", use, _sum([*done, {TOKEN: (len(day), 0)}]), MASKED_SHAPE)


def _count_off(
    ground: Ground, sought: Sought, callers: int, requests: int
) -> dict[str, tuple[int, int]]:
    seen = generate(ground.stage, sought.work, callers, Pace(0.0, 60.0), requests=requests)
    if seen.total.failures or seen.total.records != requests * sought.records:
        raise RunFailed(f"mixed day: {'; '.join(seen.total.complaints) or sought.name}")
    return sought.done(requests)


def _sum(parts: Sequence[Mapping[str, tuple[int, int]]]) -> dict[str, tuple[int, int]]:
    works = dict.fromkeys(work for part in parts for work in part)
    return {
        work: (
            sum(part.get(work, (0, 0))[0] for part in parts),
            sum(part.get(work, (0, 0))[1] for part in parts),
        )
        for work in works
    }


def _tokens(ground: Ground, count: int) -> Point:
    stage = ground.stage
    before = sample(stage.arena.families)
    for _ in range(count):
        stage.token(stage.world.consumer)
    use = between(before, sample(stage.arena.families))
    return _point("token", use, {TOKEN: (count, 0)})


def _look_up(ground: Ground, count: int) -> Point:
    stage = ground.stage
    with stage.world.client(stage.world.consumer) as client:
        client.token()
        before = sample(stage.arena.families)
        for turn in range(count):
            client.ask("GET", LOOKUPS[turn % len(LOOKUPS)])
        use = between(before, sample(stage.arena.families))
    return _point("look up", use, {LOOKUP: (count, 0)})


def median(points: Sequence[Point]) -> Point:
    """Return the point in the middle by what a request cost all parts together."""
    cost = {
        sum(each.cpu_seconds.values()) / sum(n for n, _ in each.done.values()): each
        for each in points
    }
    return cost[median_low(cost)]
