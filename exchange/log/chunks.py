"""Records of one partition as they were read: column by column, as text while nobody asks more."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import NamedTuple, TypeAlias

from exchange.log.batches import Batches
from exchange.log.headers import begun_batch
from kernel.columns import Column, lines_of
from kernel.turns import Steps, finished

# What one record costs in memory beside its key and value, the headers that begin a batch, and one
# chunk beside its records, about (CPython 3.11).
RECORD_OVERHEAD_BYTES = 200
HEADERS_BYTES = 1_200
CHUNK_OVERHEAD_BYTES = 600

RecordHeaders: TypeAlias = Sequence[tuple[str, bytes | None]]


class Texts(NamedTuple):
    """Keys and values of consecutive records, none of which is a delete or holds a line break."""

    keys: Column
    values: Column

    def since(self, place: int) -> "Texts":
        """Return the records from a place on."""
        return Texts(self.keys.since(place), self.values.since(place))


class Columns(NamedTuple):
    """Consecutive records as they were decoded, a delete without a value; or as `texts`.

    `headers` are those of the few records that have some, by offset.
    """

    offsets: list[int]
    headers: Sequence[tuple[int, RecordHeaders]]
    texts: Texts | None = None
    keys: Sequence[bytes] = ()
    values: Sequence[bytes | None] = ()


@dataclass(slots=True)
class Chunk:
    """Records of one partition in the order of the log, from an offset on.

    `next_offset` is where to go on; `end` is the offset after the last committed record, `log_end`
    that after the last one that all copies have: an open transaction lies between.
    `headers` are those of batch starts, also of the batch that `start` lies within; `versions`
    are the contract versions that they name. `foreign` are offsets, rising, of records that no
    batch of the platform covers: others wrote them, and what they hold is not known. Records that
    cannot even be decoded are left out, their offsets in `left_out`. `beside` is what others made
    of the records. `stored_bytes` are what was read of the log for it, `expanded_bytes` what they
    are at most when nothing is compressed.
    """

    start: int
    next_offset: int
    end: int
    offsets: list[int] = field(default_factory=list)
    headers: list[tuple[int, RecordHeaders]] = field(default_factory=list)
    versions: set[int] = field(default_factory=set)
    log_end: int = 0
    foreign: list[int] = field(default_factory=list)
    left_out: list[range] = field(default_factory=list)
    size_bytes: int = CHUNK_OVERHEAD_BYTES
    stored_bytes: int = 0
    expanded_bytes: int = 0
    batches: Batches | None = None
    beside: dict[Hashable, object] = field(default_factory=dict)
    _keys: list[bytes] = field(default_factory=list)
    _values: list[bytes | None] = field(default_factory=list)
    # Instead of the two: an object for each would cost more than all that is done with the text.
    _texts: list[Texts] = field(default_factory=list)

    @property
    def keys(self) -> list[bytes]:
        self._split()
        return self._keys

    @keys.setter
    def keys(self, keys: list[bytes]) -> None:
        self._keys = keys

    @property
    def values(self) -> list[bytes | None]:
        """The records themselves, None for a delete."""
        self._split()
        return self._values

    @values.setter
    def values(self, values: list[bytes | None]) -> None:
        self._values = values

    def texts(self, begin: int, end: int) -> tuple[bytes, bytes] | None:
        """Return keys and values of some records, a line each, where they are at hand like that."""
        if not self._texts:
            return None
        parts = [*self._parts(begin, end)]
        if len(parts) == 1:
            return parts[0]
        return b"".join([keys for keys, _ in parts]), b"".join([values for _, values in parts])

    def _parts(self, begin: int, end: int) -> Iterator[tuple[bytes, bytes]]:
        """Cut what lies within out of the texts: putting them together first would copy all."""
        first = 0
        for keys, values in self._texts:
            count = len(keys)
            since, until = max(begin - first, 0), min(end - first, count)
            if since < until:
                yield keys.part(since, until), values.part(since, until)
            first += count

    def records(self, begin: int, end: int) -> tuple[list[bytes], list[bytes | None]]:
        """Return keys and values of some records; the others stay as they are."""
        if (texts := self.texts(begin, end)) is not None:
            keys, values = map(lines_of, texts)
            return keys, [*values]
        return self._keys[begin:end], self._values[begin:end]

    def sizes(self, begin: int, end: int) -> list[int]:
        """Return the bytes of some records, key and value together."""
        records = zip(*self.records(begin, end), strict=True)
        return [len(key) + len(value or b"") for key, value in records]

    def value_bytes(self, begin: int, end: int) -> int:
        """Return how many bytes the values of some records have."""
        if (texts := self.texts(begin, end)) is not None:
            return len(texts[1]) - (end - begin)
        return sum(map(len, filter(None, self._values[begin:end])))

    def _split(self) -> None:
        """Make lists of what is text: from here on somebody wants single records."""
        for keys, values in self._texts:
            self._keys += keys.lines()
            self._values += values.lines()
        self._texts.clear()

    def take(self, columns: Columns, offset: int, covered: int) -> int:
        """Take records from an offset on; `covered` is where those of the batch before end.

        Returns where the records end that the headers so far speak of.
        """
        offsets = columns.offsets
        first = offsets[0]
        gaps: list[range] = []
        for at, headers in columns.headers:
            if (begun := begun_batch(headers)) is None:
                continue
            if covered < at > first:
                gaps.append(range(covered, at))
            self.headers.append((at, headers))
            self.versions.add(begun[0])
            covered = at + begun[1]
            self.size_bytes += HEADERS_BYTES
        offsets = self._taken(columns, offset)
        if offsets and offsets[-1] >= covered:
            gaps.append(range(covered, offsets[-1] + 1))
        if gaps:
            self.foreign += [at for at in offsets if any(at in gap for gap in gaps)]
        self.offsets += offsets
        return covered

    def _taken(self, columns: Columns, offset: int) -> list[int]:
        """Take keys and values from an offset on, and return their offsets."""
        offsets, _headers, texts, keys, values = columns
        if offsets[0] < offset:
            wanted = [at >= offset for at in offsets]
            offsets = list(compress(offsets, wanted))
            keys, values = list(compress(keys, wanted)), list(compress(values, wanted))
            # Those that come as text rise.
            texts = None if texts is None else texts.since(len(wanted) - len(offsets))
        if texts is None:
            self._split()
            self._keys += keys
            self._values += values
            size = sum(map(len, keys)) + sum(map(len, filter(None, values)))
        else:
            size = len(texts.keys.text) + len(texts.values.text) - 2 * len(offsets)
            if self._keys:
                self._keys += texts.keys.lines()
                self._values += texts.values.lines()
            else:
                self._texts.append(texts)
        self.size_bytes += RECORD_OVERHEAD_BYTES * len(offsets) + size
        return offsets

    def mark(self) -> tuple[int, ...]:
        """Name how far it is filled, for `cut`."""
        headers, foreign, texts = len(self.headers), len(self.foreign), len(self._texts)
        return self.size_bytes, len(self.offsets), headers, foreign, texts

    def cut(self, mark: tuple[int, ...]) -> None:
        """Leave out what was taken since."""
        self.size_bytes, records, headers, foreign, texts = mark
        for column in (self.offsets, self._keys, self._values):
            del column[records:]
        del self.headers[headers:], self.foreign[foreign:], self._texts[texts:]

    def marks(self, first: int, end: int, *, whole: bool) -> bytes:
        """Return offset and digest of each batch that begins within, `end` exclusive.

        With `whole` also those of the batch that `first` lies within (docs/topics.md).
        """
        return finished(self.marking()).marks(first, end, whole=whole)

    def marking(self) -> Steps[Batches]:
        """Read what the headers say of the batches, once."""
        if self.batches is None:
            self.batches = yield from Batches.of(self.headers)
        return self.batches
