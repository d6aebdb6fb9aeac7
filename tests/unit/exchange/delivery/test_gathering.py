"""Where a page ends: by record, never by where chunks and blocks happen to begin (P6, P9)."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from exchange.delivery import gathering
from exchange.delivery.gathering import Budget, Gathering
from exchange.delivery.grant_plans import GrantPlan
from exchange.delivery.shown import BLOCK_RECORDS, BYTES_AT_ONCE, prepared
from exchange.log.chunk_cache import ChunkCache
from exchange.log.chunks import Chunk
from exchange.log.headers import BatchFacts
from exchange.log.spans import BATCHES_AT_ONCE
from kernel.errors import Unavailable
from kernel.turns import finished

RECORDS = 1000
LINE = b"x" * 40


class Showing:
    """Shows every third record, or all."""

    def __init__(self, every: int = 1) -> None:
        self._every = every

    def identity(self, _version: int | None) -> bytes:
        return b"showing %d" % self._every

    def lines(
        self, _version: int | None, keys: Sequence[bytes], _values: object, **_more: object
    ) -> list[bytes | None]:
        return [None if int(key) % self._every else LINE for key in keys]


def chunk_from(start: int) -> Chunk:
    chunk = Chunk(start=start, next_offset=RECORDS, end=RECORDS)
    chunk.offsets = list(range(start, RECORDS))
    chunk.keys = [b"%d" % offset for offset in chunk.offsets]
    chunk.values = [LINE for _ in chunk.offsets]
    chunk.size_bytes = 100 * len(chunk.offsets)
    return chunk


def page(
    chunk_starts: int, *, every: int = 1, limit: int = 10_000, budget: Budget | None = None
) -> Gathering:
    """A page from offset 100 on, out of a chunk that begins elsewhere."""
    plan = cast("GrantPlan", SimpleNamespace(topic="t", projection=Showing(every), marks={}))
    found = Gathering(limit, (100,), [100], (), budget or Budget(1 << 30))
    cache = ChunkCache(1 << 20)
    finished(gathering._take(cache, plan, found, 0, chunk_from(chunk_starts), None))
    return found


@pytest.mark.parametrize(
    ("bound", "value", "every"),
    [
        ("PAGE_BYTES_MAX", 300 * len(LINE) + 7, 1),
        ("PAGE_BYTES_MAX", 90 * len(LINE), 3),
        ("SCANNED_MAX", 333, 3),
        ("READ_BYTES_MAX", 400 * 43, 3),
    ],
)
def test_a_full_page_ends_at_the_same_record_wherever_its_chunk_begins(
    monkeypatch: pytest.MonkeyPatch, bound: str, value: int, every: int
) -> None:
    """Asked again, a page that ended by bytes was 255 records shorter."""
    monkeypatch.setattr(gathering, bound, value)
    pages = [page(start, every=every) for start in (0, 1, 77, 100)]
    ends = {(found.offsets[0], len(found.lines)) for found in pages}
    assert len(ends) == 1
    [(end, _lines)] = ends
    assert 100 < end < RECORDS
    assert all(found.full for found in pages)


def test_what_is_read_and_hidden_ends_a_page_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty thousand hidden records of a mebibyte would have been held at once."""
    monkeypatch.setattr(gathering, "READ_BYTES_MAX", 4300)
    found = page(100, every=10_000)
    assert found.moved
    assert found.offsets[0] == 200


def test_a_page_that_finds_no_room_is_refused_and_what_it_held_is_free_again() -> None:
    """Four hundred pulls of ten thousand records once took five gigabytes."""
    budget = Budget(2000 * len(LINE))
    first, second = page(0, budget=budget), page(0, budget=budget)
    assert budget.held_bytes == 1800 * len(LINE)
    with pytest.raises(Unavailable):
        page(0, budget=budget)
    for found in (first, second):
        found.release()


def test_released_pages_leave_the_budget() -> None:
    budget = Budget(1 << 20)
    found: Any = page(0, budget=budget)
    with gathering.released(found):
        assert budget.held_bytes
    assert budget.held_bytes == 0


def hiding(chunk: Chunk, *, limit: int = 10) -> Any:  # noqa: ANN401
    """The steps of a page out of a chunk of which the grant shows nothing."""
    bare = SimpleNamespace(topic="t", projection=Showing(1_000_000), marks={})
    plan = cast("GrantPlan", bare)
    found = Gathering(limit, (1,), [1], (), Budget(1 << 30))
    return gathering._take(ChunkCache(1 << 20), plan, found, 0, chunk, None)


def test_a_chunk_that_a_filter_hides_is_looked_at_in_steps() -> None:
    """A page of ten records looked at ten thousand at once, while everybody else waited."""
    assert len(list(hiding(chunk_from(0), limit=500))) >= RECORDS // BLOCK_RECORDS


def test_long_records_are_projected_a_few_in_each_step() -> None:
    chunk = chunk_from(1)
    chunk.values = [b"x" * (BYTES_AT_ONCE // 8) for _ in chunk.offsets]
    chunk.size_bytes = sum(map(len, filter(None, chunk.values)))
    assert len(list(hiding(chunk, limit=500))) >= RECORDS / 8 - 8


def test_a_chunk_of_ten_thousand_batches_is_looked_at_in_steps() -> None:
    """Each record published by itself: their headers took 40 ms to read, in one step."""
    facts = BatchFacts(1, 1, bytes(32), "c", "r").headers()
    chunk = chunk_from(0)
    chunk.headers = [(offset, facts) for offset in range(10_000)]
    assert len(list(prepared(chunk))) == 2 * 10_000 // BATCHES_AT_ONCE
    assert list(prepared(chunk)) == []
