"""Checks whole bodies of one contract by the compiled pass."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from catalog.contracts.domains import Domains
from catalog.contracts.model import Field
from catalog.contracts.scanning import layout
from catalog.contracts.scanning.tables import Plan, plan_of
from kernel.columns import Column, Numbers
from kernel.machine.lazy_compiled import LazyCompiled
from kernel.machine.marks import DOUBT
from kernel.turns import Steps

_Bytes: TypeAlias = npt.NDArray[np.uint8]
Scan: TypeAlias = Callable[[_Bytes, Plan, Numbers, _Bytes, Numbers, Numbers, int], int]
SCAN: Final = LazyCompiled[Scan]("catalog.contracts.scanning.machine", "scan")

# About 0.3 ms, and 5 where each record has its items in the worst order: their squares count.
_READ_AT_ONCE: Final = 500
_USUAL_WIDTH: Final = 20
_RECORD_BYTES: Final = len(b"{}\n")


class Scanned(NamedTuple):
    """Records that are right beyond doubt, and their keys."""

    keys: Column
    records: Column


class Scanner:
    def __init__(self, fields: Sequence[Field], domains: Domains) -> None:
        self._fields, self._domains = fields, domains
        self._planned = False
        self._plan: Plan | None = None

    def _make_plan(self) -> Steps[Plan | None]:
        if not self._planned:
            self._plan = yield from plan_of(self._fields, self._domains)
            self._planned = True
        return self._plan

    def read(self, text: bytes, most: int) -> Steps[Scanned | None]:
        """The records of a text, a line each, where all are right beyond doubt.

        None for more than `most`, and until the pass is loaded.
        """
        # To count takes a tenth of what reading does.
        scan = SCAN.get(0) or SCAN.get(text.count(b"\n"))
        plan = None if scan is None else (yield from self._make_plan())
        if scan is None or plan is None:
            return None
        keys = np.empty(len(text) + 1, np.uint8)
        memory = np.zeros(layout.ITEMS + layout.ITEM_WIDTH * len(self._fields), np.int64)
        most = min(most, len(text) // _RECORD_BYTES + 1)
        ends, key_ends = np.empty(most + 1, np.int64), np.empty(most + 1, np.int64)
        ends[0] = key_ends[0] = 0
        at_once = max(1, _READ_AT_ONCE * _USUAL_WIDTH // max(_USUAL_WIDTH, len(self._fields)))
        for body in _ended(text):
            memory[layout.PLACE] = 0
            while (place := scan(body, plan, memory, keys, key_ends, ends, at_once)) < len(body):
                if place == DOUBT:
                    return None
                yield
        count = memory[layout.RECORD] + 1
        if not text.endswith(b"\n"):
            ends[count - 1] = len(text) + 1
        text_of_keys = keys[: memory[layout.KEYS]].tobytes()
        return Scanned(Column(text_of_keys, key_ends[:count]), Column(text, ends[:count]))


def _ended(text: bytes) -> Iterator[_Bytes]:
    """The text as parts that end with a line break: one copied with it would take milliseconds."""
    end = text.rfind(b"\n") + 1
    if end:
        yield np.frombuffer(text, np.uint8, end)
    if end < len(text):
        yield np.frombuffer(text[end:] + b"\n", np.uint8)
