"""The compiled pass writes batches byte for byte as aiokafka's builder does."""

import struct
from os import urandom

import google_crc32c
import pytest
from aiokafka.errors import CorruptRecordException, MessageSizeTooLargeError
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.log import codecs, lz4, produce
from exchange.log.packing.packer import PACK, checked_end, packed
from exchange.log.parsing import parse
from exchange.log.produce import PACKED_FROM, Slice, build
from exchange.log.topics import MESSAGE_MAX_BYTES
from exchange.log.unpacking.unpacker import RECORDS_FROM
from exchange.log.writer import Producer
from tests.support.passes import unloaded_behind

ATTRIBUTES_FROM = 21
PRODUCER = Producer(2**40 + 7, 3)
HEADERS = [
    ("exchange-version", b"3"),
    ("exchange-count", b"300"),
    ("exchange-digest", b"d" * 64),
    ("名", b""),
]


unloaded = unloaded_behind(PACK)


def both(slices: list[Slice], now_ms: int, sequence: int) -> tuple[bytearray, bytearray]:
    parts = [(part.keys, part.values, part.headers) for part in slices]
    fast = packed(PACK.load(), parts, now_ms, (PRODUCER.id, PRODUCER.epoch), sequence)
    return fast, produce._built(slices, PRODUCER, sequence, now_ms)


def plain(batch: bytearray) -> bytearray:
    """A batch whose records are not compressed any more, sealed anew."""
    attributes = struct.unpack_from(">h", batch, ATTRIBUTES_FROM)[0]
    if not attributes:
        return batch
    assert attributes == lz4.CODEC
    frame = bytes(batch[RECORDS_FROM:])
    opened = batch[:RECORDS_FROM] + codecs.expanded(attributes, frame, lz4.most_bytes(frame))
    struct.pack_into(">h", opened, ATTRIBUTES_FROM, 0)
    struct.pack_into(">i", opened, 8, len(opened) - 12)
    struct.pack_into(">I", opened, 17, google_crc32c.value(bytes(opened[ATTRIBUTES_FROM:])))
    return opened


def filled(size: int, start: int) -> bytes:
    """Bytes that no other place of a batch has: 251 is no power of two."""
    return bytes([(start + place) % 251 for place in range(size)])


SIZES = st.sampled_from([0, 1, 62, 63, 64, 65, 127, 128, 500, 8191, 8192, 9000])
RECORDS = st.lists(st.tuples(SIZES, SIZES | st.none()), min_size=1, max_size=80)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(RECORDS, min_size=1, max_size=3),
    st.integers(0, 2**42),
    st.integers(0, 2**31 - 1),
    st.booleans(),
)
def test_batches_are_those_of_the_builder(
    shapes: list[list[tuple[int, int | None]]], now_ms: int, sequence: int, told: bool
) -> None:
    slices = [
        Slice(
            [filled(key, 3 * place) for place, (key, _) in enumerate(records)],
            [
                None if value is None else filled(value, place)
                for place, (_, value) in enumerate(records)
            ],
            HEADERS if told else [],
        )
        for records in shapes
    ]
    fast, built = both(slices, now_ms, sequence)
    assert len(fast) <= len(built)
    assert plain(fast) == built


def test_records_are_compressed_where_it_is_worth_it() -> None:
    """A broker wrote, kept and sent five times the bytes that there was to tell."""
    values = [b'{"name": "\xe5\x90\x8d %d", "sum": "%d"}' % (n, 7 * n) for n in range(2_000)]
    few, many, noise = values[:100], values, [urandom(100) for _ in range(2_000)]
    sizes = [
        [len(batch) for batch in both([Slice([b"k"] * len(some), some, HEADERS)], 0, 0)]
        for some in (few, many, noise)
    ]
    assert [fast < built for fast, built in sizes] == [False, True, False]
    assert sizes[1][0] < sizes[1][1] / 3


def test_what_is_compressed_is_bounded_by_what_it_holds() -> None:
    """Otherwise no broker would refuse a batch that expands to more than a worker may hold."""
    part = Slice([b"k"] * PACKED_FROM, [bytes(MESSAGE_MAX_BYTES // PACKED_FROM)] * PACKED_FROM, [])
    with pytest.raises(MessageSizeTooLargeError):
        both([part], 0, 0)


def test_what_is_packed_is_read_again() -> None:
    PACK.load()
    keys = [f"k{number}".encode() for number in range(300)]
    values = [None if number % 7 == 0 else filled(2 * number, number) for number in range(300)]
    batch = build([Slice(keys, values, HEADERS)], PRODUCER, 5)
    chunk = parse((0, 0, 300, 300, 0, None, -1, bytes(batch)), 0)
    assert (chunk.keys, chunk.values) == (keys, values)
    assert chunk.headers == [(0, HEADERS)]


@pytest.mark.parametrize("loaded", [True, False])
def test_a_batch_that_no_broker_would_take_is_refused(loaded: bool) -> None:
    PACK.load() if loaded else PACK.unload()
    part = Slice([b"k"] * PACKED_FROM, [b"v" * (MESSAGE_MAX_BYTES // 4)] * PACKED_FROM, [])
    with pytest.raises(MessageSizeTooLargeError):
        build([part], PRODUCER, 0)


def test_single_records_that_share_a_batch_are_left_to_the_builder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each slice costs the pass some time: it took a sixth of publishing single records."""
    PACK.load()
    monkeypatch.setattr(produce, "packed", None)
    single = [Slice([b"k"], [b"v"], HEADERS)] * 64
    assert build(single, PRODUCER, 0)


def test_a_changed_byte_is_noticed() -> None:
    batch = bytearray(build([Slice([b"k"], [b"value"], HEADERS)], PRODUCER, 0))
    assert checked_end(bytes(batch) + b"more", 0) == len(batch)
    for place in (17, 21, 40, len(batch) - 3):
        changed = bytearray(batch)
        changed[place] ^= 1
        with pytest.raises(CorruptRecordException):
            checked_end(bytes(changed), 0)
