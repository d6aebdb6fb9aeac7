"""Where the log notes how far the database had come (kernel/landmark.py); one topic a platform."""

import json

from exchange.log.access import Brokers
from exchange.log.events import EventLog
from exchange.log.reader import LATEST, Reader
from exchange.log.topics import Topics
from kernel.landmark import Landmark

PREFIX = "shuyuan.landmarks."
READ_BYTES = 64 * 1024


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
        if not end:
            return None
        chunk = await self._reader.read(self._topic, 0, end - 1, READ_BYTES)
        facts = json.loads(chunk.values[-1] or b"{}")
        return Landmark(int(facts["generation"]), int(facts["number"]))

    async def close(self) -> None:
        await self._events.close()
