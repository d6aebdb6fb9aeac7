"""One partition's log with a connection of its own, for tests that append by hand."""

from collections.abc import Sequence

from exchange.log.connection import Connection
from exchange.log.errors import BrokerUnavailable
from exchange.log.produce import PartitionLog, Slice
from exchange.log.writer import Producer


class AppendingLog(PartitionLog):
    def __init__(
        self, connection: Connection, topic: str, partition: int, producer: Producer
    ) -> None:
        super().__init__(topic, partition, producer)
        self._connection = connection

    async def append(self, slices: Sequence[Slice]) -> int:
        """Return the first offset; a log that does not know what it holds takes no more."""
        if self.broken:
            raise BrokerUnavailable
        frame = self.frame(slices)
        offset = await self.send_until_stored(frame, self._connection)
        self.advance(frame)
        return offset
