"""The full reading: every record of a topic with Kafka's own protocol, nothing of the exchange."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from aiokafka import ConsumerRecord

from loadtests.readback import ends_of, read
from tests.faults.campaign.verdict import Entry

TOPIC = "shuyuan.records."
# What the campaign itself writes past the platform has this header.
FOREIGN = "faults-foreign"


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource and its number of partitions."""

    id: str
    partitions: int

    @property
    def topic(self) -> str:
        return TOPIC + self.id


async def read_log(bootstrap: str, resource: Resource) -> dict[int, list[Entry]]:
    """Return the committed records of each partition; TimeoutError when the log is stuck."""
    partitions: Sequence[int] = range(resource.partitions)
    ends = await ends_of(bootstrap, resource.topic, partitions)
    log: dict[int, list[Entry]] = {partition: [] for partition in partitions}
    async for record in read(bootstrap, resource.topic, dict.fromkeys(partitions, 0), ends):
        if not any(name == FOREIGN for name, _value in record.headers):
            log[record.partition].append(_entry(record))
    return log


def _entry(record: ConsumerRecord) -> Entry:
    number = orjson.loads(record.value)["n"] if record.value else 0
    return Entry(record.offset, record.key.decode(), number)
