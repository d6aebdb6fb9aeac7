"""Reads the records of a stored batch column by column, by the compiled pass."""

import struct
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from aiokafka.record.util import decode_varint

from exchange.log.chunks import Columns, RecordHeaders, Texts
from exchange.log.lz4 import Buffer
from exchange.log.unpacking import layout
from kernel.columns import Column, Numbers
from kernel.machine.lazy_compiled import LazyCompiled

_Bytes: TypeAlias = npt.NDArray[np.uint8]
Unpack: TypeAlias = Callable[[_Bytes, int, int, _Bytes, _Bytes, Numbers], int]
UNPACK: Final = LazyCompiled[Unpack]("exchange.log.unpacking.machine", "unpack")

_COUNT: Final = struct.Struct(">i")
_ZERO: Final = np.zeros(1, np.int64)
LINE_BREAK: Final = ord("\n")
RECORDS_FROM: Final = 61
"""Bytes of a batch before its first record."""


class DoubtfulBatchError(Exception):
    """The pass does not know what stands in a batch: whoever decodes it in full decides."""


def unpacked(
    unpack: Unpack, stored: Buffer, records: Buffer, base_offset: int, at_once: int
) -> Iterator[Columns]:
    """Read a batch whose records lie uncompressed, some at a time; raises DoubtfulBatchError."""
    [count] = _COUNT.unpack_from(stored, RECORDS_FROM - _COUNT.size)
    body, at = np.frombuffer(records, np.uint8), 0
    keys, values = np.empty(len(records), np.uint8), np.empty(len(records), np.uint8)
    cells = np.empty(layout.ROWS + layout.WIDTH * min(count, at_once), np.int64)
    for begin in range(0, count, at_once):
        wanted = min(at_once, count - begin)
        try:
            at = unpack(body, at, wanted, keys, values, cells)
        except IndexError:
            raise DoubtfulBatchError from None
        yield _columns(records, base_offset, wanted, keys, values, cells)
    if at != len(records):
        raise DoubtfulBatchError


def _columns(
    records: Buffer, base_offset: int, count: int, keys: _Bytes, values: _Bytes, cells: Numbers
) -> Columns:
    told = cells[layout.ROWS : layout.ROWS + layout.WIDTH * count].reshape(count, layout.WIDTH)
    offsets = (told[:, layout.DELTA] + base_offset).tolist()
    headers = []
    for headed in range(int(cells[layout.HEADED])):
        place, at = cells[layout.HEADS + 2 * headed : layout.HEADS + 2 * headed + 2].tolist()
        headers.append((offsets[place], _headers(records, at)))
    texts = Texts(
        _column(keys, told[:, layout.KEY_END]), _column(values, told[:, layout.VALUE_END])
    )
    return Columns(offsets, headers, texts)


def _column(written: _Bytes, ends: Numbers) -> Column:
    """Return what was written; raises DoubtfulBatchError where a line break is within a line."""
    text = written[: ends[-1]]
    # bytes.count looks at one byte after the other: five times as long.
    if np.count_nonzero(text == LINE_BREAK) != len(ends):
        raise DoubtfulBatchError
    return Column(text.tobytes(), np.concatenate([_ZERO, ends]))


def _headers(records: Buffer, at: int) -> RecordHeaders:
    """Return the headers that begin at a place: the pass has found them whole."""
    count, at = decode_varint(records, at)
    headers: list[tuple[str, bytes | None]] = []
    for _ in range(count):
        size, at = decode_varint(records, at)
        name, at = bytes(records[at : at + size]), at + size
        size, at = decode_varint(records, at)
        value, at = (None, at) if size < 0 else (bytes(records[at : at + size]), at + size)
        try:
            headers.append((name.decode(), value))
        except UnicodeDecodeError as error:
            raise DoubtfulBatchError from error
    return headers
