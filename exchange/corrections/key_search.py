"""Finds the records of one key in the log, by the key or by its hash as a subscription sees it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final, NamedTuple

from exchange.corrections.receiving import Sighting
from exchange.delivery.projection.mask import DIGEST_BYTES, keyed_hash
from exchange.delivery.projection.views import Terms, view_of
from exchange.latest.records import records_of
from exchange.log.reader import EARLIEST, LATEST, Reader
from exchange.log.spans import spanning
from kernel import clock

FETCH_BYTES: Final = 1024 * 1024
# A search backwards goes by so many places at a time.
STRETCH: Final = 20_000


class SearchTooLongError(Exception):
    """What was to be looked through takes longer than the caller has."""


class KeyRecord(NamedTuple):
    """A record of the key, without a value a delete."""

    partition: int
    offset: int
    key: bytes
    version: int
    value: bytes | None

    @property
    def sighting(self) -> Sighting:
        return Sighting(self.partition, self.offset, self.version, self.value)


class SoughtKey:
    """A key as the subscription with these terms sees it; `record_key` where it is known."""

    def __init__(self, seen: str, terms: Terms, record_key: bytes | None = None) -> None:
        self._seen = seen
        self._terms = terms
        self._raw = seen.encode()
        self.record_key = record_key
        self._may_be_hash = len(seen) == 2 * DIGEST_BYTES and seen.isascii()

    @property
    def is_clear(self) -> bool:
        """Whether the version in force shows keys as they are."""
        return self._is_clear(self._terms.in_force)

    def _is_clear(self, version: int) -> bool:
        known = self._terms.versions.get(version)
        return known is not None and view_of(self._terms, version).key_is_clear

    def places(self, keys: Sequence[bytes]) -> list[int]:
        """Return the places of keys that may be the sought one, whatever version they are of."""
        if self.record_key is not None:
            return _equal(keys, self.record_key)
        places = _equal(keys, self._raw)
        if self._may_be_hash:
            hash_key = self._terms.hash_key
            places += [n for n, key in enumerate(keys) if keyed_hash(hash_key, key) == self._seen]
        return sorted(set(places))

    def is_it(self, key: bytes, version: int) -> bool:
        """Whether a record of a version is shown under the sought key."""
        if self.record_key is not None:
            return key == self.record_key
        if self._is_clear(version):
            return key == self._raw
        return self._may_be_hash and keyed_hash(self._terms.hash_key, key) == self._seen


def _equal(keys: Sequence[bytes], wanted: bytes) -> list[int]:
    return [n for n, key in enumerate(keys) if key == wanted] if wanted in keys else []


class KeySearch:
    """Reads with a reader of its own: what it looks through is nobody's newest records."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """Return the first offset that the log keeps, and the one behind its last record."""
        first = await self._reader.offset(topic, partition, EARLIEST)
        return first, await self._reader.offset(topic, partition, LATEST)

    async def end_at(self, topic: str, partition: int, milliseconds: int) -> int:
        """Return the offset behind what the log held at a moment."""
        return await self._reader.offset(topic, partition, milliseconds)

    async def within(
        self, topic: str, partition: int, sought: SoughtKey, first: int, end: int,
        until: float | None = None,
    ) -> list[KeyRecord]:  # fmt: skip
        """Return the records of the key in a range, `end` exclusive.

        Raises SearchTooLongError when it takes until a moment of the monotonic clock,
        BrokerUnavailable, PositionExpiredError.
        """
        records = self._records(topic, partition, sought, first, end, until)
        return [record async for record in records]

    async def backwards(
        self, topic: str, partition: int, sought: SoughtKey, first: int, end: int, until: float
    ) -> AsyncIterator[list[KeyRecord]]:
        """Yield the records of the key stretch by stretch, the last stretch of the range first."""
        while end > first:
            begin = max(first, end - STRETCH)
            yield await self.within(topic, partition, sought, begin, end, until)
            end = begin

    async def _records(
        self, topic: str, partition: int, sought: SoughtKey, first: int, end: int,
        until: float | None,
    ) -> AsyncIterator[KeyRecord]:  # fmt: skip
        offset = first
        while offset < end:
            if until is not None and clock.monotonic() >= until:
                raise SearchTooLongError
            chunk = await self._reader.read(topic, partition, offset, FETCH_BYTES)
            if chunk.next_offset <= offset:
                return
            places = sought.places(chunk.keys)
            if places:
                await self._reader.turns.finish(spanning(chunk))
            for at in places:
                if not first <= chunk.offsets[at] < end:
                    continue
                for _at, record in records_of(chunk, at, at + 1):
                    if sought.is_it(record.key, record.version):
                        yield KeyRecord(
                            partition, record.place, record.key, record.version, record.value
                        )
            offset = chunk.next_offset
            # A chunk at hand is read without waiting for anybody: others have their turns.
            await asyncio.sleep(0)
