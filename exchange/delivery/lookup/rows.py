"""Rows of the latest state as a grant shows them; pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from exchange.delivery.grant_plans import GrantPlan
from exchange.delivery.projection.projection import Projection
from exchange.latest.reading import LatestRecord
from exchange.log.batches import OFFSET_BYTES
from exchange.metering.evidence.trails import RowTake

_UPSERT: Final = b'{"op":"upsert",'


class BatchMark(NamedTuple):
    """Stands for a chunk of one record, where evidence asks which batch it is of."""

    mark: bytes

    def marks(self, first: int, end: int, *, whole: bool) -> bytes:
        """Return the batch's mark, `whole` or where it begins within, `end` exclusive."""
        begins = int.from_bytes(self.mark[:OFFSET_BYTES])
        return self.mark if whole or first <= begins < end else b""


def shown(plan: GrantPlan, row: LatestRecord) -> bytes | None:
    """Return `"key":…,"data":{…},"version":…` as pull would show it, None for a hidden row."""
    return shown_rows(plan, [row])[0]


def shown_rows(plan: GrantPlan, rows: Sequence[LatestRecord]) -> list[bytes | None]:
    """Return what `shown` returns of each, those of one version together."""
    return shown_by(plan.projection, rows)


def shown_by(projection: Projection, rows: Sequence[LatestRecord]) -> list[bytes | None]:
    """Return what a projection shows of each, None for a hidden row."""
    told: list[bytes | None] = [None] * len(rows)
    places: dict[int, list[int]] = {}
    for place, row in enumerate(rows):
        places.setdefault(row.version, []).append(place)
    for version, of_version in places.items():
        keys = [rows[place].key for place in of_version]
        values = [rows[place].value for place in of_version]
        lines = projection.lines(version, keys, values)
        for place, line in zip(of_version, lines, strict=True):
            if line is not None:
                told[place] = b'%b,"version":%d' % (line[len(_UPSERT) : -1], version)
    return told


def take_of(row: LatestRecord) -> list[RowTake]:
    """Return the evidence of one row; none of a row that was folded before marks were kept."""
    if not row.batch:
        return []
    return [RowTake(row.partition, BatchMark(row.batch), row.place, row.place + 1)]


def moment(at: datetime) -> bytes:
    return at.isoformat().encode()
