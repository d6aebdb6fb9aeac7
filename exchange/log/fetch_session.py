"""An incremental fetch session (KIP-227): the broker remembers which partitions are watched.

A request names only what changed since the one before, and an answer only what has news, so that
watching thousands of partitions costs no more than watching one.
"""

from collections.abc import Mapping
from typing import Any

from aiokafka.errors import for_code
from aiokafka.protocol.fetch import FetchRequest, FetchRequestStruct

from exchange.log.partitions import TopicPartition
from exchange.log.reader import MIN_BYTES, READ_COMMITTED

PARTITION_BYTES = 1024 * 1024
# aiokafka decodes an answer in one step, 15 µs for each partition that has news: more than these
# bytes hold of the smallest batches would keep the loop for longer than 20 ms (P11). What is left
# comes with the next answer; a larger batch comes whole.
TOTAL_BYTES = 384 * 1024
# So many partitions are told of in one request: aiokafka writes about a hundred a millisecond.
TOLD_AT_ONCE = 500
# FETCH_SESSION_ID_NOT_FOUND and INVALID_FETCH_SESSION_EPOCH:
# the broker has forgotten the session, or was restarted.
SESSION_LOST = frozenset({70, 71})
EPOCH_MAX = 2**31 - 1
# Since this version of the protocol a request has a session.
SESSION_VERSION = 7


class SessionRequest(FetchRequest):  # type: ignore[misc] # aiokafka is untyped
    """A fetch request of a session; `forgotten` are partitions to watch no more."""

    def __init__(
        self,
        wait_ms: int,
        topics: list[tuple[str, list[tuple[int, int, int]]]],
        session: tuple[int, int],
        forgotten: list[tuple[str, list[int]]],
    ) -> None:
        super().__init__(wait_ms, MIN_BYTES, TOTAL_BYTES, READ_COMMITTED, topics)
        self._session = session
        self._forgotten = forgotten

    def build(self, request_struct_class: type[FetchRequestStruct]) -> FetchRequestStruct:
        built: Any = super().build(request_struct_class)
        if request_struct_class.API_VERSION >= SESSION_VERSION:
            built.session_id, built.session_epoch = self._session
            built.forgotten_topics_data = self._forgotten
        return built


class FetchSession:
    """What one broker remembers of ours; without a free place there, every request names all."""

    def __init__(self) -> None:
        self._id = 0
        self._epoch = 0
        self._next = 0
        self._refused = False
        self._watched: dict[TopicPartition, int] = {}

    def request(self, wanted: Mapping[TopicPartition, int], wait_ms: int) -> SessionRequest:
        """Return a request after which the broker watches these offsets.

        Of many that are new some are told now and the others by the next requests, so that none
        takes long to write; a broker that remembers nothing is told all at once.
        """
        watched = self._watched
        forgotten: dict[str, list[int]] = {}
        for topic_partition in [
            topic_partition for topic_partition in watched if topic_partition not in wanted
        ]:
            del watched[topic_partition]
            forgotten.setdefault(topic_partition[0], []).append(topic_partition[1])
        most = len(wanted) if self._refused else TOLD_AT_ONCE
        topics: dict[str, list[tuple[int, int, int]]] = {}
        # Each request goes on where the one before ended: partitions with much news take turns.
        items = list(wanted.items())
        first = self._next % len(items) if items else 0
        for number, (topic_partition, offset) in enumerate(items[first:] + items[:first], first):
            if watched.get(topic_partition) != offset:
                watched[topic_partition] = offset
                topics.setdefault(topic_partition[0], []).append(
                    (topic_partition[1], offset, PARTITION_BYTES)
                )
                most -= 1
                if not most:
                    self._next = number + 1
                    break
        if self._refused:
            # Nobody remembers who came first: the first of all would have every answer for itself.
            self._next = first + 1
        session = (self._id, self._epoch)
        return SessionRequest(wait_ms, list(topics.items()), session, list(forgotten.items()))

    def answered(self, answer: Any) -> Mapping[TopicPartition, int]:  # noqa: ANN401
        """Go on after an answer; return from which offsets it tells of partitions.

        A session that was lost begins anew. Raises other KafkaErrors.
        """
        watched = dict(self._watched)
        code = getattr(answer, "error_code", 0)
        session_id = 0 if code else getattr(answer, "session_id", 0)
        if not session_id:
            self._id = self._epoch = 0
            self._watched = {}
            self._refused = not code
        else:
            self._id, self._refused = session_id, False
            self._epoch = self._epoch % EPOCH_MAX + 1
        if code and code not in SESSION_LOST:
            raise for_code(code)
        return watched
