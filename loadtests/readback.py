"""An independent reader of the log: what was acknowledged against what is there.

By Kafka's consumer protocol and none of the exchange's code. What it has compared may be deleted
from the log, so that a long run does not fill the disk.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from itertools import pairwise

import orjson
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete

from loadtests import records
from loadtests.tally import Run

AT_ONCE = 20_000
WAIT_MS = 1000
FETCH_BYTES = 8 * 1024 * 1024
STALLED_ROUNDS = 15
LIMIT_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic, where to begin in each partition, and the runs that were acknowledged.

    `known` says that every record in it must be one of `loadtests.records`, and `rewritten` that
    it need not be the same bytes.
    """

    name: str
    starts: Mapping[int, int]
    runs: Sequence[Run]
    known: bool = True
    rewritten: bool = False


@dataclass(slots=True)
class Answer:
    """Counts of records; everything but `read_back` must be nought."""

    read_back: int = 0
    missing: int = 0
    unknown: int = 0
    unacknowledged: int = 0
    doubled: int = 0

    def faults(self) -> str:
        """Return what is wrong in words, empty when nothing is."""
        counts = [each for each in asdict(self).items() if each[0] != "read_back"]
        return ", ".join(f"{count} records {name}" for name, count in counts if count)


def moved(acknowledged: int, by: int) -> Answer:
    """Compare by how many records logs have moved with how many were acknowledged."""
    missing, unknown = max(0, acknowledged - by), max(0, by - acknowledged)
    return Answer(read_back=min(by, acknowledged), missing=missing, unacknowledged=unknown)


async def compare(bootstrap: str, topics: Sequence[Topic], *, delete_read: bool = False) -> Answer:
    """Read every topic to its end; raises TimeoutError."""
    found = Answer()
    async with asyncio.timeout(LIMIT_SECONDS):
        for topic in topics:
            ends = await _compare(bootstrap, topic, found)
            if delete_read:
                await delete(bootstrap, topic.name, ends)
    return found


async def _compare(bootstrap: str, topic: Topic, found: Answer) -> Mapping[int, int]:
    """Count into `found`; return where the partitions end."""
    known = frozenset(records.lines()) if topic.known else None
    cursors = {partition: _Runs(topic.runs, partition) for partition in topic.starts}
    found.doubled += sum(runs.overlapping for runs in cursors.values())
    ends = await ends_of(bootstrap, topic.name, list(topic.starts))
    seen = 0
    async for record in read(bootstrap, topic.name, topic.starts, ends):
        if not cursors[record.partition].holds(record.offset):
            found.unacknowledged += 1
            continue
        seen += 1
        value = orjson.dumps(orjson.loads(record.value)) if topic.rewritten else record.value
        if known is None or value in known:
            found.read_back += 1
        else:
            found.unknown += 1
    found.missing += sum(runs.count for runs in cursors.values()) - seen
    return ends


class _Runs:
    """The acknowledged runs of one partition, walked along with the log."""

    def __init__(self, runs: Sequence[Run], partition: int) -> None:
        spans = sorted((first, last) for place, first, last in runs if place == partition)
        self.count = sum(last - first + 1 for first, last in spans)
        self.overlapping = sum(max(0, left[1] - right[0] + 1) for left, right in pairwise(spans))
        self._spans = iter(spans)
        self._span: tuple[int, int] | None = next(self._spans, None)

    def holds(self, offset: int) -> bool:
        """Whether this offset was acknowledged; offsets must be asked for in order."""
        while self._span is not None and offset > self._span[1]:
            self._span = next(self._spans, None)
        return self._span is not None and offset >= self._span[0]


async def ends_of(bootstrap: str, topic: str, partitions: Sequence[int]) -> dict[int, int]:
    """Return the offset after the last record of each partition."""
    found = await all_ends(bootstrap, [TopicPartition(topic, each) for each in partitions])
    return {place.partition: offset for place, offset in found.items()}


async def all_ends(
    bootstrap: str, places: Sequence[TopicPartition]
) -> Mapping[TopicPartition, int]:
    """Return the offset after the last record of each of many places."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        # All at once: it would ask for one after the other, each time with all that it knows.
        await consumer._client.set_topics({place.topic for place in places})  # noqa: SLF001 - no public way
        found: Mapping[TopicPartition, int] = await consumer.end_offsets(places)
        return found
    finally:
        await consumer.stop()


def ends(bootstrap: str, topic: str, partitions: int = 1) -> dict[int, int]:
    return asyncio.run(ends_of(bootstrap, topic, range(partitions)))


async def read(
    bootstrap: str, topic: str, starts: Mapping[int, int], ends: Mapping[int, int]
) -> AsyncIterator[ConsumerRecord]:
    """Yield the committed records between two offsets of each partition; TimeoutError if stuck."""
    wanted = [partition for partition in starts if starts[partition] < ends[partition]]
    if not wanted:
        return
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        isolation_level="read_committed",
        max_partition_fetch_bytes=FETCH_BYTES,
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        places = [TopicPartition(topic, partition) for partition in wanted]
        consumer.assign(places)
        for place in places:
            consumer.seek(place, starts[place.partition])
        async for record in _until(consumer, places, ends):
            yield record
    finally:
        await consumer.stop()


async def _until(
    consumer: AIOKafkaConsumer, places: Sequence[TopicPartition], ends: Mapping[int, int]
) -> AsyncIterator[ConsumerRecord]:
    left, stalled = set(places), 0
    while left:
        batches = await consumer.getmany(*left, timeout_ms=WAIT_MS, max_records=AT_ONCE)
        stalled = 0 if batches else stalled + 1
        if stalled > STALLED_ROUNDS:
            raise TimeoutError(f"the log of {places} gives no more records")
        for place, batch in batches.items():
            for record in _before(batch, ends[place.partition]):
                yield record
        # The position passes markers of transactions, which are no records.
        left = {each for each in left if await consumer.position(each) < ends[each.partition]}


def _before(batch: Sequence[ConsumerRecord], end: int) -> Iterator[ConsumerRecord]:
    return (record for record in batch if record.offset < end)


@asynccontextmanager
async def administered(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def delete(bootstrap: str, topic: str, ends: Mapping[int, int]) -> None:
    """Delete the records before these offsets."""
    places = {
        TopicPartition(topic, partition): RecordsToDelete(end) for partition, end in ends.items()
    }
    async with administered(bootstrap) as admin:
        await admin.delete_records(places)


async def create_topics(bootstrap: str, names: Sequence[str], partitions: int) -> None:
    """Create topics that are not a resource's: for what is no part of the exchange."""
    async with administered(bootstrap) as admin:
        await admin.create_topics([NewTopic(name, partitions, 1) for name in names])
