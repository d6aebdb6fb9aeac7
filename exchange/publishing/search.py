"""Looks for a keyed batch in the log, between two ends of each partition (P5, ADR 0005)."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from exchange.log.accepted import Accepted, Kept, PositionRange, kept
from exchange.log.chunks import Chunk
from exchange.log.errors import OutcomeUnknown, PositionExpiredError
from exchange.log.headers import keyed_batch
from exchange.log.reader import Reader

SCAN_BYTES = 1024 * 1024
LOOK_EVERY_SECONDS = 0.05
WAIT_SECONDS = 20.0


async def find_batch(
    reader: Reader, topic: str, intent: bytes, starts: Sequence[int], ends: Sequence[int]
) -> Accepted | None:
    """Return where the batch with this intent is stored, None if it is nowhere in between.

    Raises OutcomeUnknown when the log cannot be read up to its ends, BrokerUnavailable.
    """
    version = 0
    left_out: Kept | None = None
    positions: dict[tuple[int, int], PositionRange] = {}
    for partition, (start, end) in enumerate(zip(starts, ends, strict=True)):
        async for chunk in between(reader, topic, partition, start, end):
            for first, headers in chunk.headers:
                batch = keyed_batch(headers)
                if batch is not None and batch.intent == intent:
                    version, left_out = batch.version, kept(batch.quarantine)
                    last = first + batch.count - 1
                    positions[partition, first] = PositionRange(partition, first, last)
    return Accepted(version, list(positions.values()), left_out) if positions else None


async def between(
    reader: Reader, topic: str, partition: int, offset: int, end: int
) -> AsyncIterator[Chunk]:
    """Read a partition from an offset to an end; raises as `find_batch`."""
    deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
    while offset < end:
        try:
            chunk = await reader.read(topic, partition, offset, SCAN_BYTES)
        except PositionExpiredError as error:
            # What the log no longer keeps cannot become a second copy either.
            offset = max(error.earliest, offset + 1)
            continue
        yield chunk
        if chunk.next_offset > offset:
            offset = chunk.next_offset
            deadline = asyncio.get_running_loop().time() + WAIT_SECONDS
        elif asyncio.get_running_loop().time() > deadline:
            raise OutcomeUnknown
        else:
            # A reading that is shared began before this much of the log was there.
            await asyncio.sleep(LOOK_EVERY_SECONDS)
