"""Where the log notes how far the database had come (kernel/landmark.py); one topic a platform."""

import json
from bisect import bisect_left

from exchange.log.access import Brokers
from exchange.log.events import EventLog, read_message
from exchange.log.reader import LATEST, Reader
from exchange.log.topics import Topics
from kernel.landmark import Landmark

PREFIX = "shuyuan.landmarks."
READ_BYTES = 64 * 1024
# Of the last messages, the newest that the platform wrote counts: others may write here too.
LOOKED_AT = 100


class LandmarkLog:
    """Reads and writes the landmarks of one platform."""

    def __init__(self, brokers: Brokers, topics: Topics, reader: Reader, platform: str) -> None:
        self._topic = PREFIX + platform
        self._topics = topics
        self._reader = reader
        self._events = EventLog(brokers, topics, self._topic)

    async def append(self, landmark: Landmark) -> None:
        """Note what the database has committed; raises BrokerUnavailable."""
        facts = {"generation": landmark.generation, "number": landmark.number}
        await self._events.append([(b"landmark", json.dumps(facts).encode())])

    async def last(self) -> Landmark | None:
        """Return the landmark that was noted last, None of a new log; raises BrokerUnavailable."""
        await self._topics.ensure(self._topic, 1)
        end = await self._reader.offset(self._topic, 0, LATEST)
        for offset in range(end - 1, max(-1, end - 1 - LOOKED_AT), -1):
            if (landmark := await self._at(offset)) is not None:
                return landmark
        return None

    async def _at(self, offset: int) -> Landmark | None:
        """Return the landmark at an offset, None for a message of somebody else's."""
        chunk = await self._reader.read(self._topic, 0, offset, READ_BYTES)
        place = bisect_left(chunk.offsets, offset)
        return _landmark(chunk.values[place]) if place < len(chunk.offsets) else None

    async def close(self) -> None:
        await self._events.close()


def _landmark(value: bytes | None) -> Landmark | None:
    """Read a message; None for what the platform has not written."""
    facts = read_message(value)
    generation, number = facts.get("generation"), facts.get("number")
    if isinstance(generation, int) and isinstance(number, int):
        return Landmark(generation, number)
    return None
