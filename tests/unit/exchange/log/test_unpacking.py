"""The compiled pass reads a batch as aiokafka's decoder does, or leaves it to it."""

import struct
from collections.abc import Callable, Sequence

import cramjam
import google_crc32c
import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exchange.log.chunks import Chunk
from exchange.log.codecs import GZIP, LZ4, SNAPPY, ZSTD, TooLargeError, expanded
from exchange.log.errors import UnreadableBatchError
from exchange.log.lz4 import CODEC, BrokenFrameError
from exchange.log.packing.packer import PACK
from exchange.log.parsing import RECORDS_AT_ONCE, UNPACKED_FROM, parse
from exchange.log.produce import Slice, build
from exchange.log.topics import MESSAGE_MAX_BYTES
from exchange.log.unpacking.unpacker import RECORDS_FROM, UNPACK, DoubtfulBatchError, unpacked
from exchange.log.writer import Producer
from tests.support.passes import unloaded_behind

unloaded = unloaded_behind(UNPACK)
pack_unloaded = unloaded_behind(PACK)
PRODUCER = Producer(9, 0)
HEADS = st.lists(
    st.tuples(
        st.sampled_from(["exchange-version", "exchange-count", "名", ""]),
        st.sampled_from([b"3", b"40", b"", b"\xff"]),
    ),
    max_size=4,
)
KEYS = st.binary(max_size=70)
VALUES = st.binary(max_size=300) | st.none()


def facts(chunk: Chunk) -> tuple[object, ...]:
    return (
        *(chunk.offsets, chunk.keys, chunk.values, chunk.headers, chunk.versions),
        *(chunk.foreign, chunk.left_out, chunk.next_offset, chunk.size_bytes),
    )


def both_ways(data: bytes, offset: int) -> None:
    """Parse with the pass and without it: the same, or the same refusal."""
    told = []
    for load in (UNPACK.load, UNPACK.unload):
        load()
        try:
            told.append(facts(parse((0, 0, 10**6, 10**6, 0, None, -1, data), offset)))
        except UnreadableBatchError as error:
            told.append((str(error), error.offsets))
    assert told[0] == told[1]


def stored(parts: Sequence[Slice], base: int = 0) -> bytes:
    return base.to_bytes(8, "big") + bytes(build(list(parts), PRODUCER, 0)[8:])


def resealed(batch: bytearray) -> bytes:
    """Give a batch that was changed the checksum of what it holds now."""
    struct.pack_into(">I", batch, 17, google_crc32c.value(bytes(batch[21:])))
    return bytes(batch)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.tuples(KEYS, VALUES), min_size=UNPACKED_FROM, max_size=50), HEADS),
        min_size=1,
        max_size=3,
    ),
    st.integers(0, 120),
)
@example([([(b"", b"")] * 40, [])], 7)
@example([([(b"k", b"a\nb")] * 40, [("exchange-version", b"1"), ("exchange-count", b"40")])], 0)
@example([([(b"k", None)] + [(b"k", b"v")] * 40, [])], 3)
def test_batches_are_read_alike(
    parts: list[tuple[list[tuple[bytes, bytes | None]], list[tuple[str, bytes]]]], offset: int
) -> None:
    slices = [Slice([k for k, _ in some], [v for _, v in some], heads) for some, heads in parts]
    both_ways(stored(slices), offset)
    both_ways(stored(slices) + stored(slices, base=sum(len(some) for some, _ in parts)), offset)


@settings(max_examples=400, deadline=None)
@given(st.integers(61, 4_000), st.integers(0, 255), st.integers(0, 60))
def test_what_others_may_have_written_is_read_alike_or_left_to_the_decoder(
    place: int, byte: int, offset: int
) -> None:
    """A batch whose checksum is right may hold anything: lengths beyond it, names not UTF-8."""
    heads = [("exchange-version", b"3"), ("exchange-count", b"60")]
    batch = bytearray(stored([Slice([b"k"] * 60, [b"value" * 10] * 60, heads)]))
    batch[61 + (place - 61) % (len(batch) - 61)] = byte
    both_ways(resealed(batch), offset)


@pytest.mark.parametrize("count", [0, -1, 59, 61, 2**31 - 1])
def test_a_batch_that_lies_about_its_count_is_doubted(count: int) -> None:
    batch = bytearray(stored([Slice([b"k"] * 60, [b"v"] * 60, [])]))
    struct.pack_into(">i", batch, 57, count)
    with pytest.raises(DoubtfulBatchError):
        list(unpacked(UNPACK.load(), batch, batch[RECORDS_FROM:], 0, RECORDS_AT_ONCE))


def test_a_large_batch_is_read_in_steps() -> None:
    count = 2 * RECORDS_AT_ONCE + 5
    PACK.load()
    batch = stored([Slice([b"%d" % n for n in range(count)], [b"v"] * count, [])])
    records = expanded(CODEC, batch[RECORDS_FROM:], MESSAGE_MAX_BYTES)
    steps = list(unpacked(UNPACK.load(), batch, records, 7, RECORDS_AT_ONCE))
    assert [len(step.offsets) for step in steps] == [RECORDS_AT_ONCE, RECORDS_AT_ONCE, 5]
    both_ways(batch, 3)


LINES = [b'{"n": %d, "name": "name of %d"}' % (n, n) for n in range(600)]


def compressed(lines: Sequence[bytes] = LINES, base: int = 0) -> bytearray:
    PACK.load()
    heads = [("exchange-version", b"3"), ("exchange-count", b"%d" % len(lines))]
    batch = bytearray(stored([Slice([b"k"] * len(lines), lines, heads)], base))
    assert batch[22] == CODEC
    return batch


def test_a_compressed_batch_is_read_alike() -> None:
    both_ways(bytes(compressed()), 0)
    both_ways(bytes(compressed()) + bytes(compressed(base=600)), 599)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 255))
def test_a_broken_frame_is_read_alike_or_left_to_the_decoder(place: int, byte: int) -> None:
    batch = compressed()
    batch[RECORDS_FROM + place % (len(batch) - RECORDS_FROM)] = byte
    both_ways(resealed(batch), 0)


def test_no_more_is_read_of_an_answer_than_was_asked_for() -> None:
    """A mebibyte of the log would be five of records, and of some records two hundred."""
    UNPACK.load()
    several = b"".join(bytes(compressed(base=600 * n)) for n in range(5))
    answer = (0, 0, 10**6, 10**6, 0, None, -1, several)
    chunk = parse(answer, 0, most_bytes=30_000)
    assert (chunk.next_offset, len(chunk.offsets)) == (1_200, 1_200)
    assert chunk.stored_bytes == 2 * len(compressed())
    assert 2 * sum(map(len, LINES)) < chunk.expanded_bytes < 3 * sum(map(len, LINES))
    assert parse(answer, 0, most_bytes=1).next_offset == 600


def framed(records: bytes) -> bytes:
    frame = cramjam.lz4.Compressor(level=1, content_checksum=False, block_linked=False)
    frame.compress(records)
    return bytes(frame.finish())


def xerial(records: bytes) -> bytes:
    """As Java's clients write snappy: a head, and blocks of 32 KiB with their sizes."""
    parts = [records[at : at + 32_768] for at in range(0, len(records), 32_768)]
    blocks = [bytes(cramjam.snappy.compress_raw(part)) for part in parts]
    sized = [struct.pack(">i", len(block)) + block for block in blocks]
    return b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1) + b"".join(sized)


SKIPPED = struct.pack("<II", 0x184D2A50, 3) + b"any"
WAYS = [
    pytest.param(GZIP, lambda records: bytes(cramjam.gzip.compress(records)), id="gzip"),
    pytest.param(ZSTD, lambda records: bytes(cramjam.zstd.compress(records)), id="zstd"),
    pytest.param(SNAPPY, lambda records: bytes(cramjam.snappy.compress_raw(records)), id="snappy"),
    pytest.param(SNAPPY, xerial, id="snappy in blocks"),
    pytest.param(LZ4, framed, id="lz4"),
    pytest.param(LZ4, lambda records: framed(records[:9]) + framed(records[9:]), id="two frames"),
    pytest.param(LZ4, lambda records: SKIPPED + framed(records), id="behind a skipped frame"),
]
Compress = Callable[[bytes], bytes]


def written_by_others(codec: int, records: bytes) -> bytes:
    """A batch of 600 records whose bytes lie as they are given, of no producer."""
    batch = bytearray(stored([Slice([b"k"] * len(LINES), LINES, [])]))
    batch[RECORDS_FROM:] = records
    batch[22] = codec
    struct.pack_into(">i", batch, 8, len(batch) - 12)
    struct.pack_into(">qhi", batch, 43, -1, -1, -1)
    return resealed(batch)


@pytest.mark.parametrize(("codec", "compress"), WAYS)
def test_what_others_compressed_is_read_alike(codec: int, compress: Compress) -> None:
    plain = stored([Slice([b"k"] * len(LINES), LINES, [])])
    opened = bytearray(plain) if plain[22] == 0 else bytearray(plain[:RECORDS_FROM])
    if len(opened) == RECORDS_FROM:
        opened += expanded(plain[22], plain[RECORDS_FROM:], MESSAGE_MAX_BYTES)
    batch = written_by_others(codec, compress(bytes(opened[RECORDS_FROM:])))
    both_ways(batch, 0)
    assert parse((0, 0, 600, 600, 0, None, -1, batch), 0).values == LINES


@pytest.mark.parametrize(("codec", "compress"), WAYS)
def test_a_batch_that_expands_to_more_than_any_of_the_platform_is_left_out(
    codec: int, compress: Compress
) -> None:
    """A few kilobytes of a foreign writer may be gigabytes: nobody expands them.

    Only a single frame of LZ4 was bounded: 9,695 bytes of zstd became 300 MiB in every reader.
    """
    zeros = compress(bytes(2 * MESSAGE_MAX_BYTES))
    with pytest.raises(TooLargeError):
        expanded(codec, zeros, MESSAGE_MAX_BYTES)
    bomb = written_by_others(codec, zeros)
    both_ways(bomb + bytes(compressed(base=600)), 0)
    chunk = parse((0, 0, 10**6, 10**6, 0, None, -1, bomb), 0)
    assert (chunk.left_out, chunk.next_offset, chunk.offsets) == ([range(600)], 600, [])


@pytest.mark.parametrize(("codec", "compress"), WAYS)
@pytest.mark.parametrize(("size", "read"), [(MESSAGE_MAX_BYTES // 2, 600), (MESSAGE_MAX_BYTES, 0)])
def test_a_bound_is_kept_for_what_could_be_read(
    codec: int, compress: Compress, size: int, read: int
) -> None:
    """Zeros are no records, and would be left out whatever the bound."""
    batch = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1,
        base_sequence=-1, batch_size=4 * MESSAGE_MAX_BYTES,
    )  # fmt: skip
    for place, line in enumerate([bytes(size), *LINES[1:]]):
        assert batch.append(place, 0, b"k", line, []) is not None
    records = compress(bytes(batch.build()[RECORDS_FROM:]))
    chunk = parse((0, 0, 600, 600, 0, None, -1, written_by_others(codec, records)), 0)
    assert len(chunk.offsets) == read
    assert chunk.left_out == ([] if read else [range(600)])


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD, 5, 7])
def test_what_is_in_no_codec_is_left_out_with_its_batch(codec: int) -> None:
    for records in (b"", b"no codec", b"\x82SNAPPY\x00" + bytes(8) + b"\x7f\xff\xff\xff"):
        if records or codec > ZSTD:
            with pytest.raises(BrokenFrameError):
                expanded(codec, records, MESSAGE_MAX_BYTES)
        both_ways(written_by_others(codec, records), 0)


def test_texts_stay_texts_until_somebody_wants_single_records() -> None:
    UNPACK.load()
    count = 3 * UNPACKED_FROM
    parts = [Slice([b"%d" % n for n in range(count)], [b"v%d" % n for n in range(count)], [])]
    chunk = parse((0, 0, 500, 500, 0, None, -1, stored(parts) + stored(parts, base=count)), 10)
    assert chunk.texts(0, 2) == (b"10\n11\n", b"v10\nv11\n")
    assert chunk.texts(count - 11, count - 9) == (
        b"%d\n0\n" % (count - 1),
        b"v%d\nv0\n" % (count - 1),
    )
    assert chunk.value_bytes(0, 2) == 6
    assert chunk.records(0, 2) == ([b"10", b"11"], [b"v10", b"v11"])
    assert chunk.sizes(0, 2) == [5, 5]
    assert chunk.texts(0, 1) == (b"10\n", b"v10\n")
    assert chunk.keys[:2] == [b"10", b"11"]
    assert chunk.texts(0, 2) is None
    assert chunk.value_bytes(0, 2) == 6
    assert chunk.records(0, 2) == ([b"10", b"11"], [b"v10", b"v11"])
    assert chunk.sizes(0, 2) == [5, 5]
