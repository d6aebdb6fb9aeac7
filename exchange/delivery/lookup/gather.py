"""Gathers a page of a query: rows of the index, tested exactly, as the grant shows them (P3)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from exchange.delivery.grant_plans import GrantPlan
from exchange.delivery.lookup.rows import shown_rows
from exchange.delivery.lookup.where import Search, passing
from exchange.latest import reading
from exchange.latest.errors import StateIncomplete
from exchange.latest.reading import FoldState, LatestRecord, Place
from exchange.log.partitions import partition_of
from kernel.database import ReadSession
from kernel.turns import Steps, unhurried

ROWS_AT_ONCE: Final = 500
# Records tested and shown in one step, about a millisecond.
STEP: Final = 50
SCANNED_MAX: Final = 20_000
"""Rows that one page looks at; a page that came so far ends, whatever it holds."""
PAGE_BYTES: Final = 4 * 1024 * 1024


class Spot(NamedTuple):
    """Where a page ended: partition, arm, and term and digest of the last row looked at."""

    partition: int = 0
    arm: int = 0
    term: bytes = b""
    digest: bytes = b""


class Gathered(NamedTuple):
    """Lines with their rows; `next` is None where nothing more can come."""

    lines: list[bytes]
    rows: list[LatestRecord]
    next: Spot | None
    as_of: datetime


async def gather(
    session: ReadSession, plan: GrantPlan, found: Search, spot: Spot, limit: int
) -> Gathered:
    """Return a page; raises StateIncomplete.

    One row more than it shows is looked for: whether more follows is told of rows that show.
    """
    resource_id = plan.grant.resource_id
    folds = await reading.states(session, resource_id)
    as_of = reading.require_complete(resource_id, folds)
    if found.element is not None and any(found.element not in fold.indexed for fold in folds):
        raise StateIncomplete(resource_id, passing=True)
    page = _Page(plan, found, limit)
    if found.key is not None:
        fold = folds[partition_of(found.key, len(folds))]
        row = await reading.one(session, fold, found.key)
        if row is not None:
            await unhurried(page.add([(spot, row)]))
        return Gathered(page.lines, page.rows, None, as_of)
    await _fill(session, page, folds, spot)
    return Gathered(page.lines, page.rows, page.next, as_of)


async def _fill(
    session: ReadSession, page: "_Page", folds: Sequence[FoldState], spot: Spot
) -> None:
    for fold in folds[spot.partition :]:
        arms = range(max(len(page.found.arms), 1))
        for arm in arms[spot.arm if fold.partition == spot.partition else 0 :]:
            here = spot
            if (fold.partition, arm) != spot[:2]:
                here = Spot(fold.partition, arm)
            while rows := await _rows(session, page.found, fold, here):
                here = rows[-1][0]
                await unhurried(page.add(rows))
                if page.is_over(here):
                    return


async def _rows(
    session: ReadSession, found: Search, fold: FoldState, here: Spot
) -> list[tuple[Spot, LatestRecord]]:
    """Return rows behind a spot, each with its own."""
    if not found.arms:
        place = Place(fold.partition, here.digest)
        rows = await reading.page(session, [fold], place, ROWS_AT_ONCE)
        return [(here._replace(digest=row.digest), row) for row in rows]
    after = (here.term, here.digest)
    pairs = await reading.searched(session, fold, found.arms[here.arm], after, ROWS_AT_ONCE)
    return [(here._replace(term=term, digest=row.digest), row) for term, row in pairs]


class _Page:
    """What is gathered: up to `limit` rows, and the spot behind the last of them."""

    def __init__(self, plan: GrantPlan, found: Search, limit: int) -> None:
        self.plan = plan
        self.found = found
        self.lines: list[bytes] = []
        self.rows: list[LatestRecord] = []
        self.next: Spot | None = None
        self._limit = limit
        self._last: Spot | None = None
        self._size_bytes = 0
        self._scanned = 0

    def add(self, rows: Sequence[tuple[Spot, LatestRecord]]) -> Steps[None]:
        """Test and show rows, some in each step, until the page is full and one more is known."""
        for first in range(0, len(rows), STEP):
            part = rows[first : first + STEP]
            spots = {row.digest: spot for spot, row in part}
            self._scanned += len(part)
            passed = passing(self.plan, self.found, [row for _spot, row in part])
            for row, line in zip(passed, shown_rows(self.plan, passed), strict=True):
                if line is None:
                    continue
                if len(self.lines) >= self._limit or self._size_bytes >= PAGE_BYTES:
                    self.next = self._last
                    return
                self.lines.append(line)
                self.rows.append(row)
                self._last = spots[row.digest]
                self._size_bytes += len(line)
            yield

    def is_over(self, here: Spot) -> bool:
        """Whether the page ends at or before this spot."""
        if self.next is None and self._scanned >= SCANNED_MAX:
            self.next = here
        return self.next is not None
