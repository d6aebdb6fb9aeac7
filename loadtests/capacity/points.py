"""Which points are measured, and how one is: known work, and the processor time that it took."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from loadtests import records
from loadtests.capacity import costs as kind
from loadtests.capacity.costs import FETCH, KEYED, PAGE, PROJECT, PUBLISH, TOKEN, Point
from loadtests.generator import Pace, Publish, Pull, Work
from loadtests.processes import Use, between, sample
from loadtests.runs import RunFailed
from loadtests.stage import LOOKUPS, Asked, Stage, generate

MASKED_SHAPE = (len(records.NARROW), len(records.MASKS))
SLIM_SHAPE = (len(records.SLIM), 0)
READERS = 8
CROWD = 64


@dataclass(frozen=True, slots=True)
class Sought:
    """A point to be measured by the raw generator; `kinds` are the works of one request."""

    name: str
    work: Work
    records: int
    callers: int
    kinds: Sequence[str]
    shape: tuple[int, int] | None = None

    def done(self, requests: int) -> dict[str, tuple[int, int]]:
        return {
            work: (requests, 0 if work == KEYED else requests * self.records) for work in self.kinds
        }


Take = Callable[[Pace], Point]
# Of a page that nobody was shown before.
COLD = (PAGE, FETCH, PROJECT)


def fitted(stage: Stage, lookups: int) -> Mapping[str, Take]:
    """Return the points that the costs are fitted to: the ends of every line."""
    world, every = stage.world, tuple(records.ITEMS)
    stage.write_books(
        [
            *(Asked(f"at-hand-{n}.book", world.whole, n, every, tail=True) for n in (100, 1000)),
            *(Asked(f"missed-{n}.book", world.whole, n, every) for n in (500, 10_000)),
            *(Asked(f"masked-{n}.book", world.masked, n, records.NARROW) for n in (500, 10_000)),
        ]
    )
    empty = Pull(stage.write_empty("empty.book"))
    sought = [
        *(_publish(stage, batch) for batch in (1, 100, 1000)),
        _publish(stage, 1, keyed=True),
        *(_pull(stage, "at-hand", limit) for limit in (100, 1000)),
        *(_pull(stage, book, limit) for book in ("missed", "masked") for limit in (500, 10_000)),
        # One caller: equal questions under way would be asked once.
        Sought("poll, nothing new", empty, 0, 1, (kind.POLL,)),
    ]
    takes = _takes(stage, sought)
    takes["token"] = lambda _pace: _tokens(stage, lookups // 3 + 1)
    takes["look up"] = lambda _pace: _look_up(stage, lookups)
    return takes


def checked(stage: Stage, day_seconds: float) -> Mapping[str, Take]:
    """Return the points that only check the costs: between the ends, beside them, all at once."""
    world, every = stage.world, tuple(records.ITEMS)
    stage.write_books(
        [
            Asked("shown-500.book", world.masked, 500, records.NARROW, tail=True),
            Asked("at-hand-200.book", world.whole, 200, every, tail=True),
            Asked("slim-500.book", world.slim, 500, records.SLIM),
            Asked("missed-2000.book", world.whole, 2000, every),
            *(Asked(f"masked-{n}.book", world.masked, n, records.NARROW) for n in (500, 2000)),
        ]
    )
    sought = [
        _publish(stage, 10),
        _publish(stage, 500),
        _publish(stage, 50, keyed=True),
        *(_pull(stage, book, 500) for book in ("shown", "slim")),
        *(_pull(stage, book, 2000) for book in ("masked", "missed")),
    ]
    takes = _takes(stage, sought)
    takes["mixed day"] = lambda _pace: _mixed(stage, day_seconds)
    return takes


def crowded(stage: Stage) -> Mapping[str, Take]:
    """Return a point that the model bounds from above: many write to one resource at once."""
    work = Publish(stage.world.feeds[:1], 1)
    return _takes(stage, [Sought("publish 1, crowded", work, 1, CROWD, (PUBLISH,))])


def _publish(stage: Stage, batch: int, *, keyed: bool = False) -> Sought:
    work = Publish(stage.world.feeds, batch, keyed)
    kinds = (PUBLISH, KEYED) if keyed else (PUBLISH,)
    callers = len(work.resources)  # one for each, so that nobody's batches are merged
    return Sought(f"publish {batch}{', keyed' if keyed else ''}", work, batch, callers, kinds)


# What each book's pages are called, which works they are, and the shape of their grant. What others
# were shown the same way is no more work than whole records.
PULLS: Mapping[str, tuple[str, Sequence[str], tuple[int, int] | None]] = {
    "at-hand": ("whole", (PAGE,), None),
    "shown": ("6 of 12 items, 2 masked, at hand", (PAGE,), None),
    "missed": ("from the broker", (PAGE, FETCH), None),
    "masked": ("6 of 12 items, 2 masked, from the broker", COLD, MASKED_SHAPE),
    "slim": ("3 of 12 items, from the broker", COLD, SLIM_SHAPE),
}


def _pull(stage: Stage, book: str, limit: int, callers: int = READERS) -> Sought:
    told, kinds, shape = PULLS[book]
    work = Pull(stage.path(f"{book}-{limit}.book"))
    return Sought(f"pull {limit}, {told}", work, limit, callers, kinds, shape)


def _takes(stage: Stage, sought: Sequence[Sought]) -> dict[str, Take]:
    return {each.name: partial(_take, stage, each) for each in sought}


def _take(stage: Stage, sought: Sought, pace: Pace) -> Point:
    """Measure one window at full speed; raises RunFailed for any failure."""
    seen = generate(stage, sought.work, sought.callers, pace)
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
        cpu_seconds={part: round(use.cpu_seconds.get(part, 0.0), 3) for part in kind.PARTS},
        others_cores=round(use.others_cpu_seconds / use.seconds, 2),
        shape=shape,
    )


def _mixed(stage: Stage, seconds: float) -> Point:
    """Let writers and readers of all kinds work beside each other, each a number of requests."""
    day = (
        (_publish(stage, 1), 4, 150),
        (_publish(stage, 200), 2, 40),
        (_publish(stage, 20, keyed=True), 2, 30),
        (_pull(stage, "masked", 500), 2, 50),
        (_pull(stage, "at-hand", 200), 2, 150),
    )
    families = stage.arena.families
    before = sample(families)
    with ThreadPoolExecutor(len(day)) as pool:
        runs = [
            pool.submit(_count_off, stage, sought, callers, round(rate * seconds))
            for sought, callers, rate in day
        ]
        done = [run.result() for run in runs]
    use = between(before, sample(families))
    return _point("mixed day", use, _sum([*done, {TOKEN: (len(day), 0)}]), MASKED_SHAPE)


def _count_off(
    stage: Stage, sought: Sought, callers: int, requests: int
) -> dict[str, tuple[int, int]]:
    seen = generate(stage, sought.work, callers, Pace(0.0, 60.0), requests=requests)
    if seen.total.failures or seen.total.records != requests * sought.records:
        raise RunFailed(f"mixed day: {'; '.join(seen.total.complaints) or sought.name}")
    return sought.done(requests)


def _sum(parts: Sequence[Mapping[str, tuple[int, int]]]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for part in parts:
        for work, (requests, count) in part.items():
            before = found.get(work, (0, 0))
            found[work] = (before[0] + requests, before[1] + count)
    return found


def _tokens(stage: Stage, count: int) -> Point:
    before = sample(stage.arena.families)
    for _ in range(count):
        stage.token(stage.world.consumer)
    use = between(before, sample(stage.arena.families))
    return _point("token", use, {TOKEN: (count, 0)})


def _look_up(stage: Stage, count: int) -> Point:
    with stage.world.client(stage.world.consumer) as client:
        client.token()
        before = sample(stage.arena.families)
        for turn in range(count):
            client.ask("GET", LOOKUPS[turn % len(LOOKUPS)])
        use = between(before, sample(stage.arena.families))
    return _point("look up", use, {kind.LOOKUP: (count, 0)})


def median(points: Sequence[Point]) -> Point:
    """Return the point in the middle by what a request cost all parts together."""

    def cost(point: Point) -> float:
        return sum(point.cpu_seconds.values()) / sum(count for count, _ in point.done.values())

    return sorted(points, key=cost)[(len(points) - 1) // 2]
