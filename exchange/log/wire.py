"""The produce request and its answer on the wire (Kafka protocol, Produce v7), in one go each.

aiokafka's schemas copy every batch once for each level of the request, six in all, and look at an
answer field by field.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from typing import Any, ClassVar, Final, Self, TypeAlias

from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.produce import ProduceRequest_v7, ProduceResponse_v7

PRODUCE, VERSION = 0, 7
# No transactional id, acks of all in-sync replicas, the broker's time to get them.
_HEAD: Final = struct.Struct(">hhi")
_INT: Final = struct.Struct(">i")
_SHORT: Final = struct.Struct(">h")
_PAIR: Final = struct.Struct(">ii")
_PARTITION: Final = struct.Struct(">ihqqq")
NO_ID, ACKS_ALL = -1, -1

Buffer: TypeAlias = bytes | bytearray
Batches: TypeAlias = Mapping[str, Sequence[tuple[int, Buffer]]]
"""By topic: partition and record batch."""


class Answer(ProduceResponse_v7):  # type: ignore[misc] # aiokafka is untyped
    """What became of each batch: partition, error code, first offset, time, start of the log."""

    topics: Sequence[tuple[str, Sequence[tuple[int, ...]]]]

    @classmethod
    def decode(cls, data: BytesIO | bytes) -> Self:
        read = data.read() if isinstance(data, BytesIO) else data
        topics: list[tuple[str, list[tuple[int, ...]]]] = []
        (count,) = _INT.unpack_from(read, 0)
        at = _INT.size
        for _topic in range(count):
            (length,) = _SHORT.unpack_from(read, at)
            at += _SHORT.size
            name = read[at : at + length].decode()
            at += length
            (partitions,) = _INT.unpack_from(read, at)
            at += _INT.size
            end = at + partitions * _PARTITION.size
            topics.append((name, list(_PARTITION.iter_unpack(read[at:end]))))
            at = end
        (throttled_ms,) = _INT.unpack_from(read, at)
        return cls(topics, throttled_ms)


class Framed(ProduceRequest_v7):  # type: ignore[misc] # aiokafka is untyped
    """A request that copies each of its batches once."""

    RESPONSE_TYPE: ClassVar[type[Answer]] = Answer

    def encode(self) -> bytes:
        fields = self.__dict__
        topics: Batches = fields["topics"]
        parts: list[Buffer] = [
            _HEAD.pack(NO_ID, ACKS_ALL, fields["timeout"]),
            _INT.pack(len(topics)),
        ]
        for topic, batches in topics.items():
            name = topic.encode()
            parts += (_SHORT.pack(len(name)), name, _INT.pack(len(batches)))
            for partition, batch in batches:
                parts += (_PAIR.pack(partition, len(batch)), batch)
        return b"".join(parts)


class Produce:
    """A produce request as aiokafka's connection takes one."""

    def __init__(self, batches: Iterable[tuple[tuple[str, int], Buffer]], timeout_ms: int) -> None:
        topics: dict[str, list[tuple[int, Buffer]]] = {}
        for (topic, partition), batch in batches:
            topics.setdefault(topic, []).append((partition, batch))
        self._framed = Framed(None, ACKS_ALL, timeout_ms, topics)

    def prepare(self, versions: Mapping[int, Any]) -> Framed:
        """Return the request in the version spoken here; raises IncompatibleBrokerVersion."""
        least, most = versions[PRODUCE]
        if not least <= VERSION <= most:
            raise IncompatibleBrokerVersion(f"Produce v{VERSION} is not between {least} and {most}")
        return self._framed
