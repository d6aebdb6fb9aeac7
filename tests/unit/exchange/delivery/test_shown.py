"""What is shown of a chunk is made once for all who are shown the same, and for nobody else."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.contracts.model import DataType
from catalog.contracts.published import RecordItem, RecordVersion
from exchange.delivery.projection.projection import Projection
from exchange.delivery.projection.views import Terms
from exchange.delivery.showing.presenter import KNOWS, SHOW, WRAP
from exchange.delivery.shown import BLOCK_RECORDS, block_of
from exchange.log.chunk_cache import ChunkCache
from exchange.log.chunks import Chunk, Columns, Texts
from exchange.log.headers import BatchFacts
from exchange.log.topics import topic_of
from exchange.subscriptions.conditions import Condition, Op
from kernel.columns import Column
from kernel.turns import finished
from tests.support.passes import told_twice
from tests.support.projecting import an_item, terms_of

way = told_twice(KNOWS, SHOW, WRAP)

PLACE = (topic_of("r"), 0)
PARTIAL = {"kind": "partial", "keep_start": 1, "keep_end": 0}
FIELDS = (an_item("id", key=True), an_item("name"))
TERMS = terms_of({1: FIELDS}, ("id", "name"), masks={"name": PARTIAL}, hash_key=b"a" * 32)


def versions_of(*fields: RecordItem) -> Mapping[int, RecordVersion]:
    return {1: RecordVersion(1, fields)}


def chunk_of(count: int, *, version: int = 1) -> Chunk:
    made = Chunk(start=0, next_offset=count, end=count)
    made.offsets = list(range(count))
    made.keys = [b"k%d" % n for n in range(count)]
    made.values = [b'{"id":"k%d","name":"n%d"}' % (n, n) if n % 7 else None for n in range(count)]
    made.headers = [(0, list(BatchFacts(version, count, bytes(32), "c", "i").headers()))]
    return made


def textual(count: int) -> Chunk:
    """As `chunk_of`, without deletes, as a large batch is read: keys and values are texts."""
    plain, made = chunk_of(count), Chunk(start=0, next_offset=count, end=count)
    values = [b'{"id":"k%d","name":"n%d"}' % (n, n) for n in range(count)]
    texts = Texts(column(plain.keys), column(values))
    made.take(Columns(plain.offsets, plain.headers, texts), 0, -1)
    return made


def column(lines: Sequence[bytes]) -> Column:
    ends = accumulate((len(line) + 1 for line in lines), initial=0)
    return Column(b"".join(line + b"\n" for line in lines), np.array(list(ends), np.int64))


def kept(chunk: Chunk, max_bytes: int = 10_000_000) -> ChunkCache:
    cache = ChunkCache(max_bytes)
    cache.add(PLACE, chunk)
    return cache


class Counting(Projection):
    """Counts the records that it was asked for."""

    def __init__(self, terms: Terms) -> None:
        super().__init__(terms)
        self.asked = 0

    def lines(self, version: Any, keys: Any, values: Any, *more: Any, **named: Any) -> Any:  # noqa: ANN401
        self.asked += len(keys)
        return super().lines(version, keys, values, *more, **named)


@given(st.integers(1, 700), st.data())
def test_a_range_shows_what_the_projection_alone_shows_of_it(
    count: int, data: st.DataObject
) -> None:
    odd = Condition("name", Op.NE, "n3")
    made = Projection(replace(TERMS, conditions=(odd,) if data.draw(st.booleans()) else ()))
    chunk = chunk_of(count) if data.draw(st.booleans()) else textual(count)
    cache = kept(chunk)
    for _ in range(4):
        begin = data.draw(st.integers(0, count - 1))
        most = (begin // BLOCK_RECORDS + 1) * BLOCK_RECORDS
        end = data.draw(st.integers(begin + 1, min(count, most)))
        found = finished(block_of(cache, PLACE, chunk, range(begin, end), made))
        alone = made.lines(1, *chunk.records(begin, end))
        visible = [line for line in alone if line is not None]
        assert found.text == b"".join(line + b"\n" for line in visible)
        assert (found.count, found.shown) == (end - begin, len(visible))
        assert found.size_bytes == sum(map(len, visible))


def test_equal_grants_share_and_each_record_is_projected_once() -> None:
    chunk = chunk_of(BLOCK_RECORDS * 2)
    cache = kept(chunk)
    grants = [Counting(replace(TERMS, hash_key=bytes([n]) * 32)) for n in range(5)]
    for grant in grants:
        for begin in range(0, len(chunk.keys), 32):
            finished(block_of(cache, PLACE, chunk, range(begin, begin + 32), grant))
    assert [grant.asked for grant in grants] == [len(chunk.keys), 0, 0, 0, 0]


DIFFERENT: Mapping[str, Mapping[str, Any]] = {
    "as agreed": {},
    "another item": {"items": ("id",)},
    "another order": {"items": ("name", "id")},
    "no mask": {"masks": {}},
    "another mask": {"masks": {"name": {"kind": "full"}}},
    "another length": {"masks": {"name": {**PARTIAL, "keep_start": 2}}},
    "a mask for another item": {"masks": {"id": PARTIAL}},
    "hash of one": {"masks": {"name": {"kind": "hash"}}},
    "hash of another": {"masks": {"name": {"kind": "hash"}}, "hash_key": b"b" * 32},
    "rows": {"conditions": (Condition("name", Op.EQ, "n1"),)},
    "other rows": {"conditions": (Condition("name", Op.EQ, "n2"),)},
    "rows by another comparison": {"conditions": (Condition("name", Op.NE, "n1"),)},
    "rows by a list": {"conditions": (Condition("name", Op.IN, ("n1",)),)},
    "another type": {
        "versions": versions_of(FIELDS[0], replace(FIELDS[1], data_type=DataType.DATE))
    },
    "another key": {"versions": versions_of(FIELDS[0], replace(FIELDS[1], key=True))},
    "one item more in the version": {"versions": versions_of(*FIELDS, an_item("more"))},
    "a stricter mask in force": {
        "versions": {
            **versions_of(*FIELDS),
            2: RecordVersion(2, (FIELDS[0], replace(FIELDS[1], mask={"kind": "null"}))),
        },
        "in_force": 2,
    },
}


@pytest.mark.parametrize(("one", "other"), list(combinations(DIFFERENT, 2)))
def test_grants_that_differ_share_nothing(one: str, other: str) -> None:
    chunk = chunk_of(20)
    cache = kept(chunk)
    first, second = (Counting(replace(TERMS, **DIFFERENT[name])) for name in (one, other))
    for grant in (first, second):
        finished(block_of(cache, PLACE, chunk, range(20), grant))
    assert (first.asked, second.asked) == (20, 20)


@pytest.mark.parametrize("of", [{"masks": {"name": {"kind": "hash"}}}, {"items": ("name",)}])
def test_where_the_subscriptions_own_key_is_used_nothing_is_shared(of: Mapping[str, Any]) -> None:
    """A hash, and a key that is not granted, are stable within one subscription only."""
    several = [replace(TERMS, **of, hash_key=bytes([n]) * 32) for n in range(2)]
    assert len({Projection(terms).identity(1) for terms in several}) == 2


def test_what_is_kept_counts_and_goes_with_its_chunk() -> None:
    chunk = chunk_of(BLOCK_RECORDS)
    cache = kept(chunk, max_bytes=100_000)
    before = cache._bytes
    finished(block_of(cache, PLACE, chunk, range(10), Projection(TERMS)))
    assert cache._bytes == before + chunk.size_bytes - 600 > before + 10_000
    later = Chunk(start=1000, next_offset=1001, end=1001, size_bytes=24_000)
    for start in range(1000, 5000, 1000):
        cache.add(PLACE, replace(later, start=start, next_offset=start + 1))
    assert cache.find(PLACE, 0) is None
    assert cache._bytes == sum(each.size_bytes for each in cache._chunks.values())


def test_where_nothing_can_be_kept_no_more_than_the_page_is_made() -> None:
    chunk = chunk_of(BLOCK_RECORDS)
    grant = Counting(TERMS)
    assert len(finished(block_of(ChunkCache(1000), PLACE, chunk, range(3, 5), grant)).lines) == 2
    assert grant.asked == 2


def test_many_views_of_one_chunk_are_bounded() -> None:
    chunk = chunk_of(BLOCK_RECORDS)
    cache = kept(chunk, max_bytes=200_000)
    for number in range(50):
        terms = replace(TERMS, masks={"name": {**PARTIAL, "keep_start": number}})
        finished(block_of(cache, PLACE, chunk, range(BLOCK_RECORDS), Projection(terms)))
    assert chunk.size_bytes < 200_000 // 4 + 40_000
    assert cache._bytes <= 200_000


def test_each_record_is_read_by_its_own_version() -> None:
    """Two batches of two versions, and between them a record that no batch of ours covers."""
    second = RecordVersion(2, (FIELDS[0], an_item("name", element="DE-another")))
    chunk = chunk_of(9)
    facts = [BatchFacts(v, 4, bytes(32), "c", "i").headers() for v in (1, 2)]
    chunk.headers = [(0, list(facts[0])), (5, list(facts[1]))]
    chunk.values = [b'{"id":"k%d","name":"n%d"}' % (n, n) for n in range(9)]
    made = Projection(replace(TERMS, versions={**versions_of(*FIELDS), 2: second}))
    found = finished(block_of(kept(chunk), PLACE, chunk, range(9), made))
    data = [line and line.partition(b'"data":')[2] for line in found.lines]
    assert data[:4] == [b'{"id":"k%d","name":"n***"}}' % n for n in range(4)]
    assert data[4] is None
    assert data[5:] == [b'{"id":"k%d"}}' % n for n in range(5, 9)]


def test_what_cannot_be_read_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    chunk = chunk_of(9)
    chunk.values[4], chunk.keys[6] = b"{", b"\xff"
    cache = kept(chunk)
    for terms in (TERMS, replace(TERMS, items=("id",), masks={})):
        finished(block_of(cache, PLACE, chunk, range(9), Projection(terms)))
    assert cache.foreign.records == 2
    [line] = [record.getMessage() for record in caplog.records]
    assert "partition 0: 2 record(s) from offset 4 to 6" in line
