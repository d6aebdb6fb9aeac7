"""How many machines carry something when one of them is lost; pure."""

import math
from dataclasses import dataclass

SPARE = 1


@dataclass(frozen=True, slots=True)
class Nodes:
    """So many machines, the spare one included, of so many cores; `busy_cores` work in all."""

    count: int
    cores: int
    busy_cores: float

    @property
    def busy_share(self) -> float:
        """How busy each is while all of them run, 0 to 1."""
        return self.busy_cores / (self.count * self.cores)

    @property
    def busy_share_without_one(self) -> float:
        return self.busy_cores / ((self.count - SPARE) * self.cores)


def nodes_for(needed: float, of_one: float) -> int:
    """Return how many are needed of which one may be lost."""
    return max(1, math.ceil(needed / of_one)) + SPARE
