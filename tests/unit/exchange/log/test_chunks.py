import random
import tracemalloc

import pytest
from aiokafka.errors import CorruptRecordException, OffsetOutOfRangeError
from hypothesis import given
from hypothesis import strategies as st

from exchange.log.chunk_cache import ChunkCache
from exchange.log.chunks import Chunk
from exchange.log.headers import BatchFacts, begun_batch, keyed_batch
from exchange.log.parsing import parse
from exchange.log.produce import Slice, build
from exchange.log.writer import Producer
from kernel.ids import new_id

PLACE = ("topic", 0)


def chunk(start: int, length: int, size: int = 100) -> Chunk:
    made = Chunk(start=start, next_offset=start + length, end=start + length)
    made.offsets = list(range(start, start + length))
    made.size_bytes = size
    return made


def test_a_chunk_is_found_by_every_offset_within_it_and_by_no_other() -> None:
    cache = ChunkCache(10_000)
    kept = chunk(10, 5)
    cache.add(PLACE, kept)
    assert [cache.find(PLACE, offset) is kept for offset in range(8, 17)] == [
        False, False, True, True, True, True, True, False, False,
    ]  # fmt: skip
    assert cache.find(("topic", 1), 10) is None
    assert cache.find(("other", 0), 10) is None


def test_bytes_are_bounded_and_the_least_used_go_first() -> None:
    cache = ChunkCache(1000)
    for start in range(10):
        cache.add(PLACE, chunk(start, 1))
    assert cache.find(PLACE, 0)
    cache.add(PLACE, chunk(10, 1))
    assert cache.find(PLACE, 0)
    assert cache.find(PLACE, 1) is None
    assert cache._bytes == 1000


def test_one_large_chunk_does_not_drive_out_the_others() -> None:
    cache = ChunkCache(1000)
    cache.add(PLACE, chunk(0, 1))
    cache.add(PLACE, chunk(1, 1, size=251))
    assert cache.find(PLACE, 0)
    assert cache.find(PLACE, 1) is None


def test_a_longer_chunk_takes_the_place_of_a_shorter_one() -> None:
    cache = ChunkCache(1000)
    cache.add(PLACE, chunk(0, 1))
    longer = chunk(0, 3)
    cache.add(PLACE, longer)
    assert cache.find(PLACE, 2) is longer
    assert cache._bytes == 100


def test_chunks_without_records_are_bounded_too() -> None:
    """Markers of transactions are read like records and show none: each once cost nothing."""
    cache = ChunkCache(100_000)
    for start in range(10_000):
        cache.add(PLACE, Chunk(start=start, next_offset=start + 1, end=start + 1))
    assert len(cache._chunks) < 1000


def test_an_empty_reading_is_not_kept_but_tells_the_end() -> None:
    cache = ChunkCache(1000)
    cache.add(PLACE, Chunk(start=5, next_offset=5, end=9))
    assert cache.find(PLACE, 5) is None
    assert cache.lag(PLACE, 5) == 4
    assert cache.lag(PLACE, 20) == 0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50), st.integers(1, 9)), max_size=80))
def test_the_books_are_right_whatever_comes(added: list[tuple[int, int, int]]) -> None:
    cache = ChunkCache(2000)
    for partition, start, length in added:
        cache.add(("topic", partition), chunk(start, length, size=length * 60))
        assert cache._bytes == sum(each.size_bytes for each in cache._chunks.values()) <= 2000
    listed = {(*place, start) for place, starts in cache._starts.items() for start in starts}
    assert listed == set(cache._chunks)
    assert all(starts == sorted(starts) and starts for starts in cache._starts.values())


def answer(data: bytes, code: int = 0) -> list[object]:
    return [0, code, 100, 100, 0, [], data]


def batch(count: int, base: int = 0) -> bytes:
    headers = [("exchange-version", b"2"), ("exchange-count", str(count).encode())]
    slices = [Slice([b"k"] * count, [b"v"] * count, headers)]
    built = build(slices, Producer(1, 0), 0)
    return base.to_bytes(8, "big") + bytes(built[8:])


def test_a_batch_that_was_cut_off_is_left_for_the_next_reading() -> None:
    data = batch(3) + batch(3, base=3)[:-5]
    found = parse(answer(data), 0)
    assert (found.offsets, found.next_offset) == ([0, 1, 2], 3)


def test_a_flipped_bit_is_never_shown() -> None:
    data = batch(3)
    chance = random.Random(1)  # noqa: S311
    for _ in range(50):
        place = chance.randrange(21, len(data))
        flipped = bytearray(data)
        flipped[place] ^= 1 << chance.randrange(8)
        with pytest.raises(CorruptRecordException):
            parse(answer(bytes(flipped)), 0)


def test_a_refusal_of_the_broker_is_raised() -> None:
    with pytest.raises(OffsetOutOfRangeError):
        parse(answer(b"", code=1), 0)


def test_facts_of_a_batch_read_back() -> None:
    facts = BatchFacts(3, 2, b"\x01" * 32, "c", "r", b"\x02" * 16)
    found = keyed_batch(facts.headers())
    assert found is not None
    assert (found.intent, found.version, found.count) == (b"\x02" * 16, 3, 2)
    assert keyed_batch(BatchFacts(3, 2, b"\x01" * 32, "c", "r").headers()) is None
    assert begun_batch(facts.headers()) == (3, 2)
    assert begun_batch([("other", b"x"), ("exchange-version", None)]) is None


@pytest.mark.parametrize(("batches", "records"), [(1000, 1), (10, 100)])
def test_a_chunk_knows_what_it_costs_in_memory(batches: int, records: int) -> None:
    """Headers of single records weighed more than the records, and did not count (P9)."""
    facts = BatchFacts(3, records, b"\x01" * 32, new_id(), new_id(), b"\x02" * 16)
    slices = [
        Slice([b"k%020d" % n for n in range(records)], [b"v" * 300] * records, facts.headers())
    ] * batches
    data = bytes(build(slices, Producer(1, 0), 0))
    tracemalloc.start()
    try:
        found = parse(answer(data), 0)
        held, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found.offsets) == batches * records
    assert held == pytest.approx(found.size_bytes, rel=0.35)
