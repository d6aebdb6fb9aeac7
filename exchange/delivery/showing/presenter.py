"""Writes what one grant shows by the compiled pass."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from exchange.delivery.projection.mask import Kind, Mask
from exchange.delivery.showing import layout
from kernel.machine.lazy_compiled import LazyCompiled
from kernel.machine.marks import DOUBT, as_written

_Bytes: TypeAlias = npt.NDArray[np.uint8]
_Numbers: TypeAlias = npt.NDArray[np.int64]
Show: TypeAlias = Callable[[_Bytes, _Bytes, _Numbers, _Numbers, _Bytes], int]
SHOW: Final = LazyCompiled[Show]("exchange.delivery.showing.machine", "show")
Knows: TypeAlias = Callable[[_Bytes, _Numbers, _Numbers], int]
KNOWS: Final = LazyCompiled[Knows]("exchange.delivery.showing.machine", "knows")
WRAP: Final = LazyCompiled[Show]("exchange.delivery.showing.machine", "wrap")

_MASKS: Final = {
    Kind.FULL: layout.FULL,
    Kind.PARTIAL: layout.PARTIAL,
    Kind.NULL: layout.NULL,
}


class Presenter:
    """Shows some of the items that a record may have; knows no mask but full, partial and null."""

    def __init__(
        self,
        items: Sequence[str],
        masks: Mapping[str, Mask],
        known_items: Sequence[str],
    ) -> None:
        known = list(dict.fromkeys([*known_items, *items]))
        self._plan = _plan_of(items, masks, known)
        self._overhead = layout.LINE_BYTES + sum(
            len(item.encode(errors="replace")) + layout.ITEM_BYTES for item in items
        )
        self._memory_size = layout.MEMORY_WIDTH * len(known)

    def lines(self, keys: Sequence[bytes], values: Sequence[bytes]) -> list[bytes] | None:
        """One line a record, none of which is a delete; None where one is in doubt.

        Keys stand ready between quotation marks, and hold no line break.
        """
        names = b"\n".join((*keys, b""))
        shown = self.text(SHOW, names, _body_of(values), len(keys))
        return None if shown is None else shown.split(b"\n")[:-1]

    def knows(self, values: Sequence[bytes]) -> bool:
        """Whether each value is surely a record, bare, of no items but those that it may have."""
        count = len(values)
        if self._plan is None or (knows := KNOWS.get(count)) is None:
            return False
        memory = np.zeros(self._memory_size, np.int64)
        return knows(np.frombuffer(_body_of(values), np.uint8), self._plan, memory) == count

    def text(
        self, pass_: LazyCompiled[Show], names: bytes, values: bytes, count: int
    ) -> bytes | None:
        """Return what SHOW or WRAP writes of records and their keys, a line each; None in doubt."""
        if self._plan is None or (show := pass_.get(count)) is None:
            return None
        out = np.empty(len(values) + len(names) + self._overhead * count, np.uint8)
        end = show(
            np.frombuffer(values, np.uint8),
            np.frombuffer(names, np.uint8),
            self._plan,
            np.zeros(self._memory_size, np.int64),
            out,
        )
        return None if end == DOUBT else out[:end].tobytes()


def _body_of(values: Sequence[bytes]) -> bytes:
    """Return the values, a line each. One that is two lines is seen by the count of records."""
    return b"\n".join((*values, b""))


def _plan_of(
    items: Sequence[str], masks: Mapping[str, Mask], known: Sequence[str]
) -> _Numbers | None:
    kinds = [_MASKS.get(masks[item].kind) if item in masks else layout.CLEAR for item in items]
    names = [name for item in known if (name := as_written(item))]
    if None in kinds or len(names) < len(known):
        return None
    order = layout.ROWS + layout.WIDTH * len(known)
    cells = [len(known), len(items), *[0] * (order - layout.ROWS), *map(known.index, items)]
    for place, (item, name) in enumerate(zip(known, names, strict=True)):
        mask = masks.get(item)
        row = layout.ROWS + layout.WIDTH * place
        cells[row : row + layout.WIDTH] = (
            *(len(cells), len(cells) + len(name)),
            *((layout.CLEAR, 0, 0, 0) if mask is None else _mask_cells(mask)),
        )
        cells += name
    return np.array(cells, np.int64)


def _mask_cells(mask: Mask) -> tuple[int, int, int, int]:
    kind = _MASKS.get(mask.kind, layout.FULL)
    return kind, mask.keep_start, mask.keep_end, mask.shown_from
