"""The newest records of a resource, to try a contract on; counts of them are all that is told."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from catalog.contracts.compile import compiling
from catalog.contracts.model import Contract
from exchange.delivery.projection.projection import Projection
from exchange.log.chunks import Chunk
from exchange.log.errors import BrokerUnavailable, PositionExpiredError
from exchange.log.reader import EARLIEST, LATEST, Reader
from exchange.log.spans import spanning, spans_of
from kernel.clock import today
from kernel.errors import ShuyuanError
from kernel.turns import Steps

SAMPLES_MAX: Final = 1_000
SAMPLE_BYTES_MAX: Final = 4 * 1024 * 1024
"""Records of many bytes are fewer: reading and checking them is bounded, too."""
READ_BYTES: Final = 1024 * 1024
READ_SECONDS: Final = 10.0
LOOKED_AT_ONCE: Final = 200
FEWER: Final = 4
"""So many times fewer places are read where the newest records are larger than the bound."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A record in the log; `version` is the one that its batch names."""

    version: int
    value: bytes


async def newest(reader: Reader, topic: str, partitions: int) -> Sequence[Sample]:
    """Return the newest upserts of a topic, as many of each partition; BrokerUnavailable."""
    each = SAMPLES_MAX // partitions
    try:
        async with asyncio.timeout(READ_SECONDS):
            return [
                sample
                for partition in range(partitions)
                for sample in await _of_partition(reader, topic, partition, each, partitions)
            ]
    except TimeoutError:
        raise BrokerUnavailable from None


async def _of_partition(
    reader: Reader, topic: str, partition: int, most: int, partitions: int
) -> Sequence[Sample]:
    end = await reader.offset(topic, partition, LATEST)
    earliest = await reader.offset(topic, partition, EARLIEST)
    places, most_bytes = most, SAMPLE_BYTES_MAX // partitions
    while True:
        offset = max(earliest, end - places)
        samples, complete = await _read(reader, topic, partition, range(offset, end), most_bytes)
        places //= FEWER
        if complete or not places:
            return samples[-most:]


async def _read(
    reader: Reader, topic: str, partition: int, offsets: range, most_bytes: int
) -> tuple[Sequence[Sample], bool]:
    """Return the upserts of a range, and whether they are all: reading ends at so many bytes."""
    samples, bytes_read = list[Sample](), 0
    async for chunk in _chunks(reader, topic, partition, offsets.start, offsets.stop):
        await reader.turns.finish(spanning(chunk))
        samples += _upserts(chunk)
        bytes_read += chunk.size_bytes
        if bytes_read > most_bytes:
            return samples, chunk.next_offset >= offsets.stop
    return samples, True


async def _chunks(
    reader: Reader, topic: str, partition: int, offset: int, end: int
) -> AsyncIterator[Chunk]:
    """Yield what the log holds from an offset to an end; what retention took is passed over."""
    while offset < end:
        try:
            chunk = await reader.read(topic, partition, offset, READ_BYTES)
        except PositionExpiredError as error:
            offset = max(error.earliest, offset + 1)
            continue
        if chunk.next_offset <= offset:
            return
        yield chunk
        offset = chunk.next_offset


def _upserts(chunk: Chunk) -> list[Sample]:
    """Return the records of batches that name their version, without deletes."""
    return [
        Sample(span.version, value)
        for span in spans_of(chunk)
        if span.version is not None
        for value in chunk.values[span.begin : span.end]
        if value
    ]


def failing(samples: Sequence[Sample], contract: Contract) -> Steps[frozenset[int]]:
    """Return the places of the samples that do not satisfy a contract."""
    if not samples:
        return frozenset()
    plan = yield from compiling(contract, today)
    failed = set[int]()
    for place, sample in enumerate(samples):
        # One by one: a body of several refuses a key that comes twice.
        try:
            checked = yield from plan.ndjson(sample.value)
        except ShuyuanError:
            failed.add(place)
        else:
            failed.update([place] if checked.rejected else [])
        yield
    return frozenset(failed)


def visible(samples: Sequence[Sample], projection: Projection) -> Steps[frozenset[int]]:
    """Return the places of the samples that are rows of a grant."""
    by_version: dict[int, list[int]] = {}
    for place, sample in enumerate(samples):
        by_version.setdefault(sample.version, []).append(place)
    rows = set[int]()
    for version, places in by_version.items():
        for first in range(0, len(places), LOOKED_AT_ONCE):
            some = places[first : first + LOOKED_AT_ONCE]
            passing = projection.passing(version, [samples[place].value for place in some])
            rows.update(place for place, passes in zip(some, passing, strict=True) if passes)
            yield
    return frozenset(rows)
