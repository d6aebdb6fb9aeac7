"""Checks whole bodies of one contract by the compiled pass."""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from catalog.contracts.domains import Domains
from catalog.contracts.model import Field
from catalog.contracts.scanning import layout
from catalog.contracts.scanning.tables import Plan, plan_of
from kernel.machine.lazy_compiled import LazyCompiled
from kernel.machine.marks import DOUBT
from kernel.turns import Steps

Scan: TypeAlias = Callable[
    [npt.NDArray[np.uint8], Plan, npt.NDArray[np.int64], npt.NDArray[np.uint8], int], int
]
SCAN: Final = LazyCompiled[Scan]("catalog.contracts.scanning.machine", "scan")

# About 0.3 ms, and 5 where each record has its items in the worst order: their squares count.
_READ_AT_ONCE: Final = 500
_USUAL_WIDTH: Final = 20


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

    def keys(self, lines: Sequence[bytes]) -> Steps[list[bytes] | None]:
        """The keys of records that are all right beyond doubt; None until the pass is loaded."""
        scan = SCAN.get(len(lines))
        plan = None if scan is None else (yield from self._make_plan())
        if scan is None or plan is None:
            return None
        body = np.frombuffer(b"\n".join((*lines, b"")), np.uint8)
        memory = np.zeros(layout.ITEMS + layout.ITEM_WIDTH * len(self._fields), np.int64)
        keys = np.empty(len(body), np.uint8)
        at_once = max(1, _READ_AT_ONCE * _USUAL_WIDTH // max(_USUAL_WIDTH, len(self._fields)))
        while (place := scan(body, plan, memory, keys, at_once)) < len(body):
            if place == DOUBT:
                return None
            yield
        return keys[: memory[layout.KEYS]].tobytes().split(b"\n")[:-1]
