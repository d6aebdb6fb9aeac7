"""Names for operators what others wrote into the topics: once each, in the process's log."""

import logging
from collections import OrderedDict
from collections.abc import Sequence

log = logging.getLogger(__name__)

REMEMBERED = 1_000
OWN_MESSAGES = ("shuyuan.events", "shuyuan.landmarks.")

Place = tuple[str, int]


class ForeignRecords:
    """What was found so far; `records` counts it, for metrics."""

    def __init__(self) -> None:
        self.records = 0
        self._named: OrderedDict[tuple[Place, int], None] = OrderedDict()

    def name(self, place: Place, offsets: Sequence[int]) -> None:
        """Log a run of offsets that no batch of the platform covers, unless it has been.

        The platform's own messages are no batches.
        """
        if place[0].startswith(OWN_MESSAGES):
            return
        key = (place, offsets[0])
        if key in self._named:
            return
        self._named[key] = None
        if len(self._named) > REMEMBERED:
            self._named.popitem(last=False)
        self.records += len(offsets)
        log.warning(
            "topic %s, partition %d: %d record(s) from offset %d to %d were not written by the"
            " platform; nobody is shown them",
            *place, len(offsets), offsets[0], offsets[-1],
        )  # fmt: skip
