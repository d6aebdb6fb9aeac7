"""What is told of rows that leave is a function of the log, wherever chunks begin (P6)."""

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.delivery.predecessors import Predecessors
from exchange.delivery.projection.projection import Projection
from exchange.delivery.shown import BLOCK_RECORDS, block_of
from exchange.latest.fold import Folded, Record, add, nothing
from exchange.latest.records import folding, linking
from exchange.latest.windows import Window
from exchange.log.chunk_cache import ChunkCache
from exchange.log.chunks import Chunk
from exchange.log.headers import BatchFacts
from exchange.log.topics import topic_of
from exchange.subscriptions.conditions import Condition, Op
from kernel.turns import finished
from tests.support.projecting import an_item, terms_of

PLACE = (topic_of("r"), 0)
FIELDS = [an_item("id", key=True), an_item("region")]
KEPT = Condition("region", Op.EQ, "in")
Row = tuple[int, str, str | None]
"""Version of its batch (0: of none), key, region; None for a delete, "?" for what is no JSON."""

ROWS = st.lists(
    st.tuples(
        st.sampled_from([1, 1, 1, 2, 0]),
        st.sampled_from("abc"),
        st.sampled_from(["in", "out", "out", None, "?"]),
    ),
    max_size=30,
)


def value_of(row: Row) -> bytes | None:
    _version, key, region = row
    if region == "?":
        return b'{"id":'
    return None if region is None else json.dumps({"id": key, "region": region}).encode()


def chunk_of(log: Sequence[Row], start: int, end: int) -> Chunk:
    """The records from an offset to another as a chunk; each is a batch of its own."""
    chunk = Chunk(start=start, next_offset=end, end=end)
    for offset in range(start, end):
        version, key, _region = log[offset]
        chunk.offsets.append(offset)
        chunk.keys.append(key.encode())
        chunk.values.append(value_of(log[offset]))
        if version:
            facts = BatchFacts(version, 1, bytes(32), "c", "i")
            chunk.headers.append((offset, list(facts.headers())))
    return chunk


def model(log: Sequence[Row], unbroken_from: int = 0) -> list[tuple[str, str] | None]:
    """Return what is told of each record, said as plainly as it can be said."""
    rows = dict[str, str | None]()
    told: list[tuple[str, str] | None] = []
    for offset, (version, key, region) in enumerate(log):
        if not version or region == "?":
            told.append(None)
            continue
        if region == "in":
            told.append(("upsert", key))
        else:
            told.append(("delete", key) if rows.get(key) == "in" else None)
        if offset >= unbroken_from:
            rows[key] = region
    return told


def stored(log: Sequence[Row], unbroken_from: int = 0) -> dict[int, tuple[int, int, bytes]]:
    """Return the predecessors that folding keeps: by place, what stood before it."""
    folded = nothing()
    for offset in range(unbroken_from, len(log)):
        chunk = chunk_of(log, offset, offset + 1)
        for record in finished(folding(chunk, 0, 1)).latest.values():
            add(folded, record)
    return {
        b.place: (b.record.place, b.record.version, b.record.value or b"") for b in folded.before
    }


def told_by(
    log: Sequence[Row], borders: Sequence[int], unbroken_from: int = 0
) -> list[tuple[str, str] | None]:
    """Return what is told when the log is read in chunks that begin at the borders."""
    terms = terms_of({1: FIELDS, 2: FIELDS}, ["id", "region"], conditions=[KEPT])
    projection, lines = Projection(terms), list[bytes | None]()
    kept = stored(log, unbroken_from)
    starts = sorted({0, *(border for border in borders if border < len(log))})
    for start, end in zip(starts, [*starts[1:], len(log)], strict=True):
        chunk = chunk_of(log, start, end)
        before = {
            place: (version, value)
            for place, (at, version, value) in kept.items()
            if start <= place < end and at < start
        }
        window = Window(7, end, unbroken_from, 0, before, 0)
        known = Predecessors(chunk, finished(linking(chunk)), start, window)
        cache = ChunkCache(1 << 20)
        cache.add(PLACE, chunk)
        whole = range(end - start)
        made, kept_one = (
            finished(block_of(cache, PLACE, chunk, whole, projection, known)) for _ in range(2)
        )
        assert made.lines == kept_one.lines
        lines += made.lines
    return [None if line is None else _told(json.loads(line)) for line in lines]


def _told(line: dict[str, Any]) -> tuple[str, str]:
    return line["op"], line["key"]


@settings(max_examples=200, deadline=None)
@given(ROWS, st.lists(st.integers(0, 30), max_size=6))
def test_what_is_told_is_a_function_of_the_log_at_every_border(
    log: list[Row], borders: list[int]
) -> None:
    assert len(log) <= BLOCK_RECORDS
    if log:
        assert told_by(log, borders) == model(log)


@settings(max_examples=100, deadline=None)
@given(ROWS, st.lists(st.integers(0, 30), max_size=6), st.integers(0, 30))
def test_what_was_lost_before_it_was_folded_tells_nothing_wherever_one_begins(
    log: list[Row], borders: list[int], unbroken_from: int
) -> None:
    if log:
        assert told_by(log, borders, unbroken_from) == model(log, unbroken_from)


@given(ROWS, st.lists(st.integers(0, 30), max_size=6))
def test_folding_in_batches_is_folding_at_once(log: list[Row], borders: list[int]) -> None:
    """What one batch does not know of its first records, the latest state before it does."""
    whole = finished(folding(chunk_of(log, 0, len(log)), 0, len(log)))
    latest, before = dict[bytes, Record](), []
    starts = sorted({0, *(border for border in borders if border < len(log))})
    for start, end in zip(starts, [*starts[1:], len(log)], strict=True):
        part: Folded = finished(folding(chunk_of(log, start, end), 0, end - start))
        before += part.before
        for key, place in part.firsts.items():
            if key in latest and latest[key].value is not None:
                before.append((place, latest[key]))  # type: ignore[arg-type] # equal to a Before
        latest |= part.latest
    assert latest == whole.latest
    assert sorted(before) == sorted(whole.before)
