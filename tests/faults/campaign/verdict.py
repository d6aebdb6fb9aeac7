"""The verdict: what was acknowledged and what was read, against the log itself; pure."""

import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.faults.campaign.ledger import DELETE, Attempt, Chain, Fate, Line

# Refusals which promise that nothing was written (exchange/log/errors.py).
NOTHING_WRITTEN = frozenset({"broker_unavailable"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A record of the log; `number` is 0 for a delete."""

    offset: int
    key: str
    number: int


Log = Mapping[int, Sequence[Entry]]
Logs = Mapping[str, Log]
Spot = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Books:
    """The logs, turned so that a line finds where it is."""

    logs: Logs
    spots: Mapping[Line, Sequence[Spot]]


def judge(attempts: Sequence[Attempt], chains: Sequence[Chain], logs: Logs) -> list[str]:
    """Return every violation of P4, P5 and P6 that the books show."""
    books = Books(logs, _spots(logs))
    found = [complaint for each in attempts for complaint in _attempt(each, books)]
    found += _strangers(attempts, books)
    found += _disorder(attempts, books)
    for chain in chains:
        found += _chain(chain, logs[chain.resource])
    return found


def partition_of(key: str, partitions: int) -> int:
    """Return where a key belongs by the contract (`api.md` section 5)."""
    return zlib.crc32(key.encode()) % partitions


def _spots(logs: Logs) -> Mapping[Line, Sequence[Spot]]:
    spots: dict[Line, list[Spot]] = defaultdict(list)
    for resource, log in logs.items():
        for partition, entries in log.items():
            for entry in entries:
                spot = (resource, partition, entry.offset)
                spots[Line(entry.key, entry.number)].append(spot)
    return spots


def _attempt(attempt: Attempt, books: Books) -> Iterator[str]:
    found = [books.spots.get(line, ()) for line in attempt.lines]
    present = sum(bool(spots) for spots in found)
    if any(len(spots) > 1 for spots in found):
        yield f"doubled: {attempt.told()}: {_first(found)}"
    if attempt.fate is Fate.ACKNOWLEDGED:
        yield from _acknowledged(attempt, found, present)
    elif attempt.fate is Fate.REFUSED and present:
        yield f"refused and yet in the log: {attempt.told()}: {_first(found)}"
    elif 0 < present < len(found):
        yield f"torn: {present} of {len(found)} records in the log: {attempt.told()}"
    elif present and attempt.tries == 1 and set(attempt.codes) & NOTHING_WRITTEN:
        yield f"said to be unwritten and yet in the log: {attempt.told()}: {_first(found)}"


def _acknowledged(attempt: Attempt, found: Sequence[Sequence[Spot]], present: int) -> Iterator[str]:
    if present < len(found):
        yield f"lost: {len(found) - present} of {len(found)} records: {attempt.told()}"
        return
    places = list(_places(attempt))
    if [spots[0] for spots in found] != places:
        yield f"not where the receipt says: {attempt.told()}: {_first(found)}"


def _places(attempt: Attempt) -> Iterator[Spot]:
    """Yield where the receipt says that each line is."""
    runs = {run.partition: iter(range(run.first, run.last + 1)) for run in attempt.runs}
    for line in attempt.lines:
        partition = partition_of(line.key, attempt.partitions)
        yield attempt.resource, partition, next(runs.get(partition, iter(())), -1)


def _first(found: Sequence[Sequence[Spot]]) -> str:
    return str([list(spots) for spots in found[:3]])


def _strangers(attempts: Sequence[Attempt], books: Books) -> Iterator[str]:
    known = {line for attempt in attempts for line in attempt.lines}
    for line, spots in books.spots.items():
        if line not in known:
            yield f"in the log and never sent: {line} at {spots}"


def _disorder(attempts: Sequence[Attempt], books: Books) -> Iterator[str]:
    """Each key's acknowledged records stand in the order in which they were acknowledged."""
    last: dict[tuple[str, str], tuple[int, Attempt]] = {}
    for attempt in attempts:
        if attempt.fate is not Fate.ACKNOWLEDGED:
            continue
        for line in attempt.lines:
            spots = books.spots.get(line, ())
            if not spots:
                continue
            offset, key = spots[0][2], (attempt.resource, line.key)
            if key in last and last[key][0] >= offset:
                yield f"out of order: {line.key}: {last[key][1].told()} then {attempt.told()}"
            last[key] = offset, attempt


def _chain(chain: Chain, log: Log) -> Iterator[str]:
    """A reader's pages, put together, are the log: no gap, nothing twice, order per partition."""
    keys = {entry.number: entry.key for entries in log.values() for entry in entries}
    real = {shown: keys.get(number, "") for shown, number in chain.shown.items()}
    given: dict[int, list[Line]] = {partition: [] for partition in log}
    for item in chain.items:
        line = Line(real.get(item, item), 0) if isinstance(item, str) else _line(item, keys)
        given[partition_of(line.key, chain.partitions)].append(line)
    for partition, entries in log.items():
        expected = [Line(entry.key, entry.number) for entry in entries]
        if given[partition] != expected:
            difference = _difference(given[partition], expected)
            yield f"{chain.reader}, partition {partition}: {difference}"


def _line(number: int, keys: Mapping[int, str]) -> Line:
    return Line(keys.get(number, f"unknown-{number}"), number)


def _difference(given: Sequence[Line], expected: Sequence[Line]) -> str:
    pairs = zip(given, expected, strict=False)
    place = next((n for n, (left, right) in enumerate(pairs) if left != right), None)
    if place is None:
        place = min(len(given), len(expected))
    missing, extra = len(set(expected) - set(given)), len(given) - len(set(given))
    return (
        f"pages and log differ from record {place} on (read {len(given)}, in the log "
        f"{len(expected)}, never read {missing}, read twice {extra}): "
        f"given {list(given[place : place + 2])}, log {list(expected[place : place + 2])}"
    )


def tally(attempts: Sequence[Attempt]) -> dict[str, int]:
    """Return how much was sent and acknowledged, in records."""
    fates = {fate: [each for each in attempts if each.fate is fate] for fate in Fate}
    counts = {f"{fate} batches": len(some) for fate, some in fates.items()}
    acknowledged = fates[Fate.ACKNOWLEDGED]
    counts["acknowledged records"] = sum(len(each.lines) for each in acknowledged)
    counts["acknowledged deletes"] = sum(
        len(each.lines) for each in acknowledged if each.op == DELETE
    )
    counts["tries"] = sum(each.tries for each in attempts)
    return counts
