"""How much of its records the log holds of a topic: what is compressed is asked for in less."""

from typing import Final

from exchange.log.chunks import Chunk

TOPICS_MAX: Final = 10_000
"""Topics of which this is remembered; then it is learned anew."""
LEAST_BYTES: Final = 64 * 1024
"""No fewer are asked for: a single batch may be larger, and comes whole."""


class StoredShares:
    """By topic, the stored bytes for each byte of what was read last."""

    def __init__(self) -> None:
        self._shares: dict[str, float] = {}

    def asked(self, topic: str, wanted_bytes: int) -> int:
        """Return how much to read of the log for so many bytes of records."""
        share = self._shares.get(topic, 1.0)
        return max(int(wanted_bytes * share), min(wanted_bytes, LEAST_BYTES))

    def learn(self, topic: str, chunk: Chunk) -> None:
        """Remember what a chunk was made of; one without records tells nothing."""
        if not chunk.expanded_bytes:
            return
        if topic not in self._shares and len(self._shares) >= TOPICS_MAX:
            self._shares.clear()
        self._shares[topic] = min(chunk.stored_bytes / chunk.expanded_bytes, 1.0)
