"""Names for operators what others wrote into the topics: once each, in the process's log."""

import logging
from collections import deque
from collections.abc import Sequence
from typing import Final

from exchange.log.partitions import TopicPartition
from kernel.bounded import Bounded

log = logging.getLogger(__name__)

PLACES_REMEMBERED, RUNS_REMEMBERED = 1_000, 100
OWN_MESSAGES = ("shuyuan.events", "shuyuan.landmarks.")
FOREIGN: Final = "were not written by the platform"
LOST: Final = "are of a version that was lost with a database (`shuyuan pass-version`, ADR 0026)"
UNREADABLE: Final = (
    "may be the platform's own and cannot be decoded: nothing behind them is served"
    " (docs/topics.md)"
)


class ForeignRecords:
    """What was found so far; `records` counts it, for metrics."""

    def __init__(self) -> None:
        self.records = 0
        self._named = Bounded[TopicPartition, deque[tuple[int, int]]](PLACES_REMEMBERED)

    def name(
        self, topic_partition: TopicPartition, offsets: Sequence[int], why: str = FOREIGN
    ) -> None:
        """Log a run of offsets that nobody is shown, unless it has been; parts of it are not news.

        The platform's own messages are no batches.
        """
        if topic_partition[0].startswith(OWN_MESSAGES):
            return
        first, last = offsets[0], offsets[-1]
        named = self._named.get(topic_partition) or deque(maxlen=RUNS_REMEMBERED)
        if any(begin <= first and last <= end for begin, end in named):
            return
        named.append((first, last))
        self._named.put(topic_partition, named)
        self.records += len(offsets)
        log.warning(
            "topic %s, partition %d: %d record(s) from offset %d to %d %s; nobody is shown them",
            *topic_partition, len(offsets), first, last, why,
        )  # fmt: skip
