"""What others wrote into a topic is told from what the platform wrote, and stops nobody (P12)."""

import logging

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.log.batches import MARK_BYTES, NO_DIGEST, client_in, count_in, digest_in
from exchange.log.chunk_cache import ChunkCache
from exchange.log.chunks import Chunk
from exchange.log.connection import is_passing
from exchange.log.errors import UnreadableBatchError
from exchange.log.headers import BatchFacts, Headers, begun_batch, keyed_batch
from exchange.log.parsing import parse
from exchange.log.produce import Slice, build
from exchange.log.topics import topic_of
from exchange.log.writer import Producer

PLACE = (topic_of("resource"), 0)
FACTS = BatchFacts(3, 2, b"\x01" * 32, "client", "correlation")


def log_of(*batches: Headers) -> bytes:
    """Return batches of two records each, one after another."""
    made = bytearray()
    for number, headers in enumerate(batches):
        slices = [Slice([b"a", b"b"], [b"{}", b"{}"], headers)]
        built = build(slices, Producer(1, 0), 0)
        made += (2 * number).to_bytes(8, "big") + bytes(built[8:])
    return bytes(made)


def checksummed(data: bytes) -> bytes:
    """Return batches with checksums that are right for what they hold."""
    made = bytearray(data)
    at = 0
    while at < len(made):
        end = at + 12 + int.from_bytes(made[at + 8 : at + 12], "big")
        made[at + 17 : at + 21] = google_crc32c.value(bytes(made[at + 21 : end])).to_bytes(4, "big")
        at = end
    return bytes(made)


def read(data: bytes, offset: int = 0) -> Chunk:
    return parse([0, 0, 100, 100, 0, [], data], offset)


@pytest.mark.parametrize(
    "value", [b"abc", b"", b"-1", b"1_0", b" 1", b"\xff\xfe", b"0", b"9" * 11, None]
)
def test_a_version_that_cannot_be_read_begins_no_batch(value: bytes | None) -> None:
    """One `exchange-version: abc` once ended the loop that serves every long poll."""
    headers = [("exchange-version", value), ("exchange-count", b"2")]
    assert begun_batch(headers) is None
    intent = ("exchange-intent", b"02" * 16)
    assert keyed_batch([*headers, intent]) is None


@pytest.mark.parametrize("value", [b"zz" * 32, b"\xff" * 64, b"00", b"0" * 66, b" " * 64, None])
def test_a_digest_that_cannot_be_read_is_none(value: bytes | None) -> None:
    assert digest_in([("exchange-digest", value)]) == NO_DIGEST
    assert count_in([("exchange-count", value)]) == 0
    assert isinstance(client_in([("exchange-client", value)]), str)
    if value is not None and value != b"00":
        assert keyed_batch([*FACTS.headers(), ("exchange-intent", value)]) is None


def test_records_that_no_batch_covers_are_marked() -> None:
    foreign: Headers = [("exchange-version", b"abc"), ("exchange-count", b"2")]
    chunk = read(log_of(FACTS.headers(), [], foreign, FACTS.headers()))
    assert chunk.offsets == list(range(8))
    assert chunk.foreign == [2, 3, 4, 5]
    assert chunk.versions == {3}
    assert len(chunk.marks(0, 8, whole=True)) == 2 * MARK_BYTES


def test_a_reading_that_begins_within_a_batch_knows_whose_it_is() -> None:
    assert read(log_of(FACTS.headers()), 1).foreign == []
    assert read(log_of([]), 1).foreign == [1]


def test_a_count_that_ends_before_its_batch_covers_no_more() -> None:
    one: Headers = [("exchange-version", b"3"), ("exchange-count", b"1")]
    assert read(log_of(one)).foreign == [1]


PARTS = st.lists(
    st.tuples(st.integers(1, 4), st.none() | st.integers(1, 6)), min_size=1, max_size=5
)


@given(PARTS, st.integers(0, 12))
def test_columns_are_those_of_one_record_after_another(
    parts: list[tuple[int, int | None]], offset: int
) -> None:
    """Each part of a batch has so many records, and says that it has so many, or nothing."""
    slices, keys, foreign, covered = list[Slice](), list[bytes](), list[int](), -1
    for size, count in parts:
        facts = None if count is None else BatchFacts(3, count, b"", "client", "correlation")
        part = [b"%d" % (len(keys) + nth) for nth in range(size)]
        slices.append(Slice(part, [b"{}"] * size, facts.headers() if facts else []))
        for at in range(len(keys), len(keys) + size):
            covered = at + count if count is not None and at == len(keys) else covered
            foreign += [at] if at >= covered else []
        keys += part
    chunk = read(bytes(build(slices, Producer(1, 0), 0)), offset)
    assert chunk.offsets == list(range(offset, len(keys)))
    assert chunk.keys == keys[offset:]
    assert chunk.values == [b"{}"] * len(keys[offset:])
    assert chunk.foreign == [at for at in foreign if at >= offset]


def test_a_batch_that_cannot_be_decoded_is_left_out_and_its_neighbours_are_not() -> None:
    """The name of a header is text for every decoder, and bytes for whoever writes it."""
    strange: Headers = [("exchange-foreign", b"x")]
    data = log_of(FACTS.headers(), strange, FACTS.headers())
    chunk = read(checksummed(data.replace(b"exchange-foreign", b"\xff\xfe" * 8)))
    assert chunk.offsets == [0, 1, 4, 5]
    assert chunk.left_out == [range(2, 4)]
    assert chunk.next_offset == 6
    assert chunk.foreign == []


def test_a_batch_of_the_platforms_own_that_cannot_be_decoded_is_never_left_out() -> None:
    """Any failure of the decoder left the batch out: acknowledged records would have been lost."""
    spoilt = checksummed(log_of(FACTS.headers()).replace(b"exchange-client", b"\xff" * 15))
    with pytest.raises(UnreadableBatchError) as raised:
        read(spoilt)
    assert raised.value.offsets == range(2)
    assert not is_passing(raised.value)


def test_what_the_broker_compressed_in_a_way_nobody_reads_is_never_left_out() -> None:
    """A topic set to another compression has the broker write the platform's batches anew."""
    unknown = bytearray(log_of([]))
    unknown[22] |= 7
    with pytest.raises(UnreadableBatchError):
        read(checksummed(bytes(unknown)))


def test_what_no_idempotent_writer_wrote_is_nobodys() -> None:
    foreign = bytearray(log_of(FACTS.headers()).replace(b"exchange-client", b"\xff" * 15))
    foreign[43:51] = (-1).to_bytes(8, "big", signed=True)
    assert read(checksummed(bytes(foreign))).left_out == [range(2)]


@pytest.mark.parametrize("records", [1999, 2000, 2001, 4000, 5000])
def test_a_large_batch_is_read_to_its_end(records: int) -> None:
    """Decoded in turns, a batch was begun again at each: of 2,000 records none was shown."""
    keys = [b"%d" % number for number in range(records)]
    headers = BatchFacts(1, records, b"", "client", "correlation").headers()
    batch = build([Slice(keys, [b"{}"] * records, headers)], Producer(1, 0), 0)
    chunk = read(bytes(batch))
    assert (chunk.keys, chunk.left_out, chunk.foreign) == (keys, [], [])


def test_what_is_foreign_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    cache = ChunkCache(10_000)
    chunk = read(log_of([], FACTS.headers()))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            cache.add(PLACE, chunk)
        # A reading that begins within what was named is no news either.
        cache.add(PLACE, read(log_of([], FACTS.headers()), 1))
    [line] = caplog.records
    assert "offset 0 to 1" in line.getMessage()
    assert cache.foreign.records == 2


def test_an_open_transaction_leaves_a_lag() -> None:
    """Acknowledged records behind it were told as none: lag 0, for up to 18 s."""
    cache = ChunkCache(10_000)
    cache.add(PLACE, parse([0, 0, 17, 5, 0, [], b""], 5))
    assert cache.lag(PLACE, 5) == 12
    assert cache.ends[PLACE] == 5


def test_a_partition_whose_log_was_lost_is_forgotten() -> None:
    cache = ChunkCache(10_000)
    cache.add(PLACE, read(log_of(FACTS.headers())))
    cache.forget(PLACE)
    assert cache.find(PLACE, 0) is None
    assert cache.lag(PLACE, 0) == 0
    assert cache._bytes == 0
