"""What grants show of a chunk, kept beside the chunk for all grants that show the same (P9).

Hundreds of departments subscribe to one resource under the same terms: its newest records are
projected, masked and written once for all of them, and evicted together with their chunk.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

from exchange.delivery.projection import Projection
from exchange.log.reader import Chunk, ChunkCache

BLOCK_RECORDS: Final = 256
"""Records projected in one go, less than a millisecond."""

LINE_OVERHEAD_BYTES = 48
Place: TypeAlias = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of consecutive records; None where `hides` says that some do not show."""

    lines: list[bytes | None]
    size_bytes: int
    hides: bool

    def part(self, begin: int, end: int) -> "Block":
        """Return a range of the block."""
        if end - begin == len(self.lines):
            return self
        return block(self.lines[begin:end])

    @property
    def visible(self) -> list[bytes]:
        """The lines that show."""
        return [line for line in self.lines if line is not None] if self.hides else self.lines  # type: ignore[return-value] # none is None


def block(lines: list[bytes | None]) -> Block:
    return Block(lines, sum(map(len, filter(None, lines))), hides=None in lines)


def block_of(
    cache: ChunkCache, place: Place, chunk: Chunk, wanted: range, projection: Projection
) -> Block:
    """Return what shows of the wanted records, which must not cross a multiple of BLOCK_RECORDS."""
    index = wanted.start // BLOCK_RECORDS
    first = index * BLOCK_RECORDS
    name = (projection.identity, index)
    kept = chunk.beside.get(name)
    if isinstance(kept, Block):
        return kept.part(wanted.start - first, wanted.stop - first)
    if not cache.has_room_beside(place, chunk):
        # Nobody would have the rest of the block.
        return block(_lines(chunk, wanted, projection))
    made = block(_lines(chunk, range(first, first + BLOCK_RECORDS), projection))
    size = made.size_bytes + len(made.lines) * LINE_OVERHEAD_BYTES
    cache.keep_beside(place, chunk, name, made, size)
    return made.part(wanted.start - first, wanted.stop - first)


def _lines(chunk: Chunk, wanted: range, projection: Projection) -> list[bytes | None]:
    begin, end = wanted.start, wanted.stop
    return projection.lines(chunk.keys[begin:end], chunk.values[begin:end])
