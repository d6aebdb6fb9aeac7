"""The name of one partition of the log, and which one a key is of."""

import zlib
from typing import TypeAlias

TopicPartition: TypeAlias = tuple[str, int]
"""A topic, and the number of its partition."""


def partition_of(key: bytes, partitions: int) -> int:
    """Return crc32(key) % partitions: librdkafka's `consistent` partitioner (`api.md`)."""
    return zlib.crc32(key) % partitions
