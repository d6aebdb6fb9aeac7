"""The campaign's verdict finds what it is there to find: every planted fault, and no other."""

import time
import zlib
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from tests.faults.campaign.ledger import DELETE, Attempt, Chain, Fate, Ledger, Line, Run
from tests.faults.campaign.plan import ALWAYS, BY_LUCK, Kind, plan
from tests.faults.campaign.verdict import Entry, judge
from tests.faults.campaign.wire import Answer, Pulse, Watch

ONE, THREE = "one", "three"
KEYS = ("ka", "kb", "kc", "kd")


@dataclass
class Books:
    attempts: list[Attempt]
    chains: list[Chain]
    logs: dict[str, dict[int, list[Entry]]]

    def verdict(self) -> list[str]:
        return judge(self.attempts, self.chains, self.logs)


def attempt(serial: int, resource: str, lines: list[Line], runs: list[Run]) -> Attempt:
    partitions = 1 if resource == ONE else 3
    op = DELETE if not lines[0].number else "upsert"
    made = Attempt(serial, resource, partitions, op, lines, str(serial), 0.0)
    made.fate, made.runs, made.tries = Fate.ACKNOWLEDGED, runs, 1
    return made


def spread(lines: list[Line]) -> dict[int, list[Entry]]:
    """Lay lines out over three partitions, one after another, as the exchange does."""
    log: dict[int, list[Entry]] = {0: [], 1: [], 2: []}
    for line in lines:
        log[zlib.crc32(line.key.encode()) % 3].append(Entry(0, line.key, line.number))
    return {
        partition: [Entry(n, entry.key, entry.number) for n, entry in enumerate(entries)]
        for partition, entries in log.items()
    }


@pytest.fixture
def books() -> Books:
    """Two keyed batches and a delete on one partition, a batch over three; read by two readers."""
    first = [Line("ka", 1), Line("kb", 2)]
    second, erased = [Line("ka", 3)], [Line("kb", 0)]
    wide = [Line(key, number) for number, key in enumerate(KEYS, start=10)]
    runs = [Run(p, 0, len(entries) - 1) for p, entries in spread(wide).items() if entries]
    log = [Entry(0, "ka", 1), Entry(1, "kb", 2), Entry(2, "ka", 3), Entry(4, "kb", 0)]
    whole = Chain("whole", ONE, 1, masked=False, items=[1, 2, 3, "kb"], shown={"ka": 1, "kb": 2})
    masked = Chain("masked", ONE, 1, masked=True, items=[1, 2, 3, "h2"], shown={"h1": 1, "h2": 2})
    over = Chain("wide", THREE, 3, masked=False, items=[13, 12, 11, 10])
    return Books(
        [
            attempt(1, ONE, first, [Run(0, 0, 1)]),
            attempt(2, ONE, second, [Run(0, 2, 2)]),
            attempt(3, ONE, erased, [Run(0, 4, 4)]),
            attempt(4, THREE, wide, runs),
        ],
        [whole, masked, over],
        {ONE: {0: log}, THREE: spread(wide)},
    )


def reread(books: Books) -> None:
    """Let every reader have read exactly what the log holds now."""
    whole, masked, over = books.chains
    shown = {line: name for name, line in masked.shown.items()}
    keys = {entry.key: entry.number for entry in books.logs[ONE][0] if entry.number}
    whole.items = [entry.number or entry.key for entry in books.logs[ONE][0]]
    masked.items = [
        entry.number or shown.get(keys[entry.key], entry.key) for entry in books.logs[ONE][0]
    ]
    over.items = [entry.number for log in books.logs[THREE].values() for entry in log]


def test_a_log_as_acknowledged_and_read_is_acquitted(books: Books) -> None:
    reread(books)
    assert books.verdict() == []


def lost(books: Books) -> None:
    del books.logs[ONE][0][2]
    reread(books)


def doubled(books: Books) -> None:
    books.logs[ONE][0].append(Entry(5, "ka", 3))
    reread(books)


def displaced(books: Books) -> None:
    books.attempts[1].runs = [Run(0, 3, 3)]
    reread(books)


def torn(books: Books) -> None:
    books.attempts[3].fate = Fate.UNKNOWN
    next(entries for entries in books.logs[THREE].values() if entries).pop()
    reread(books)


def refused(books: Books) -> None:
    books.attempts[1].fate = Fate.REFUSED
    reread(books)


def unwritten(books: Books) -> None:
    books.attempts[1].fate, books.attempts[1].codes = Fate.UNKNOWN, ["broker_unavailable"]
    reread(books)


def never_sent(books: Books) -> None:
    books.logs[ONE][0].append(Entry(5, "kx", 99))
    reread(books)


def disordered(books: Books) -> None:
    books.attempts[0], books.attempts[1] = books.attempts[1], books.attempts[0]
    reread(books)


def gap(books: Books) -> None:
    reread(books)
    books.chains[0].items.remove(2)


def twice(books: Books) -> None:
    reread(books)
    books.chains[1].items.insert(1, 1)


def another_order(books: Books) -> None:
    reread(books)
    books.chains[0].items[:2] = [2, 1]


def lost_delete(books: Books) -> None:
    reread(books)
    books.chains[1].items.pop()


def one_partition_short(books: Books) -> None:
    reread(books)
    books.chains[2].items.pop()


@pytest.mark.parametrize(
    ("plant", "named"),
    [
        (lost, "lost: 1 of 1"),
        (doubled, "doubled"),
        (displaced, "not where the receipt says"),
        (torn, "torn: 3 of 4"),
        (refused, "refused and yet in the log"),
        (unwritten, "said to be unwritten and yet in the log"),
        (never_sent, "in the log and never sent"),
        (disordered, "out of order"),
        (gap, "never read 1"),
        (twice, "read twice 1"),
        (another_order, "differ from record 0"),
        (lost_delete, "never read 1"),
        (one_partition_short, "wide, partition"),
    ],
)
def test_a_planted_fault_is_found(books: Books, plant: Callable[[Books], None], named: str) -> None:
    plant(books)
    found = books.verdict()
    assert any(named in complaint for complaint in found), found
    assert len(found) == 1, found


def test_an_unanswered_batch_may_be_there_once_or_not_at_all(books: Books) -> None:
    without = deepcopy(books)
    for each in (books, without):
        each.attempts[1].fate = Fate.UNKNOWN
    without.logs[ONE][0].pop(2)
    for each in (books, without):
        reread(each)
        assert each.verdict() == []


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    named = {"exchange-worker": "w", **{name.replace("_", "-"): v for name, v in headers.items()}}
    return Answer(status, named, body, 0.0)


PROBLEM = "application/problem+json"
UNAVAILABLE = orjson.dumps({"code": "unavailable"})


@pytest.mark.parametrize(
    ("seen", "named"),
    [
        (answer(200, b'{"name":"CLEAR7"}'), "a masked value in clear"),
        (answer(200, exchange_next_cursor="CLEAR"), "a masked value in clear"),
        (answer(500, UNAVAILABLE, content_type=PROBLEM), "500"),
        (answer(502, b"<html>"), "without a problem body"),
        (answer(503, UNAVAILABLE, content_type=PROBLEM), "without Retry-After"),
        (answer(422, b"{}", content_type=PROBLEM), "without a problem body"),
        (Answer(200, {}, b"", 0.0), "without Exchange-Worker"),
    ],
)
def test_an_answer_that_must_not_be_is_noticed(seen: Answer, named: str) -> None:
    watch = Watch()
    watch.look("GET /", seen, masked=True)
    assert any(named in each for each in watch.violations), watch.violations


def test_orderly_answers_are_not() -> None:
    watch = Watch()
    watch.look("GET /", answer(200, b'{"name":"CLEAR7"}'), masked=False)
    orderly = answer(503, UNAVAILABLE, content_type=PROBLEM, retry_after="1")
    watch.look("GET /", orderly, masked=True)
    assert watch.violations == []
    assert watch.answers == {"200": 1, "503 unavailable": 1}


def test_a_seed_names_its_plan() -> None:
    nothing: frozenset[Kind] = frozenset()
    first = plan(7, 60, short=False, left_out=nothing)
    assert plan(7, 60, short=False, left_out=nothing) == first
    assert plan(8, 60, short=False, left_out=nothing) != first
    assert {each.kind for each in first} == set(Kind)
    assert all(0 < each.seconds < 40 for each in first)


def test_what_the_machine_forbids_is_left_out_of_the_plan() -> None:
    left_out = frozenset({Kind.BROKER_DISK_FULL})
    planned = plan(7, 200, short=False, left_out=left_out)
    assert {each.kind for each in planned} == set(Kind) - left_out


def test_a_short_plan_has_short_faults_once() -> None:
    planned = plan(7, 99, short=True, left_out=frozenset())
    assert sorted(each.kind for each in planned) == sorted([*ALWAYS, *BY_LUCK])
    assert all(each.seconds < 2 for each in planned)
    fewer = {each.kind for each in plan(7, len(ALWAYS) + 1, short=True, left_out=frozenset())}
    assert len(fewer - set(ALWAYS)) == 1
    assert fewer >= set(ALWAYS)


def test_lateness_of_the_harness_itself_is_known() -> None:
    pulse = Pulse()
    pulse._late = [(10.0, 0.5), (20.0, 0.1)]
    assert pulse.worst(10.2, 10.3) == 0.5
    assert pulse.worst(11.0, 25.0) == 0.1
    assert pulse.worst(21.0, 25.0) == 0.0


def test_lateness_is_excused_only_where_the_harness_itself_stood_still() -> None:
    watch = Watch()
    watch.accuse_of_lateness("no answer within 90 s", time.monotonic())
    assert len(watch.violations) == 1
    watch.pulse._late = [(time.monotonic() - 10, 9.0)]
    watch.accuse_of_lateness("no answer within 90 s", time.monotonic() - 20)
    assert len(watch.violations) == 1


def test_violations_of_one_wording_are_counted_not_repeated() -> None:
    watch = Watch()
    for number in range(20):
        watch.accuse(f"GET /{number}: 500")
    assert len(watch.violations) == 5
    assert watch.untold() == ["and 15 more like: GET /#: #"]


def test_what_is_acknowledged_is_in_the_file_at_once(tmp_path: Path) -> None:
    book = Ledger(tmp_path / "ledger.jsonl")
    made = book.attempt(ONE, 1, ["ka", "kb"], "key")
    receipt = {
        "receipt_id": "r",
        "positions": [{"partition": 0, "first_offset": 4, "last_offset": 5}],
    }
    book.acknowledge(made, answer(201, orjson.dumps(receipt)))
    [line] = (tmp_path / "ledger.jsonl").read_bytes().splitlines()
    assert orjson.loads(line)["attempt"]["runs"] == [{"partition": 0, "first": 4, "last": 5}]
    book.close()
