"""How many records a commit would delete."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from exchange.latest import replaced
from exchange.latest.replaced import FoldPlace
from exchange.replacements.refused import RefusedKeys
from exchange.replacements.tables import Replacement
from kernel.database import Database


class Figures(NamedTuple):
    """Records of the latest state, how many of them would go, and what was refused meanwhile."""

    records: int
    deletes: int
    refused: int
    unreadable: int

    def told(self, most: int) -> dict[str, Any]:
        return {
            "records": self.records,
            "deletes": self.deletes,
            "max_deletes": most,
            "kept_in_quarantine": self.refused,
            "keys_unreadable": self.unreadable,
        }


def starts_of(folds: Sequence[FoldPlace], replacement: Replacement) -> list[int]:
    """Return where each partition ended when the replacement began."""
    return [replacement.starts[fold.partition] for fold in folds]


async def figures(
    database: Database,
    folds: Sequence[FoldPlace],
    replacement: Replacement,
    refused: RefusedKeys,
    most_rows: int | None = None,
) -> Figures:
    """Count, some rows at a time; with `most_rows` at most about so many are looked at."""
    records = deletes = looked_at = 0
    for fold, start in zip(folds, starts_of(folds, replacement), strict=True):
        after: bytes | None = b""
        while after is not None and (most_rows is None or looked_at <= most_rows):
            async with database.reading() as session:
                some = await replaced.count(session, fold.fold_id, start, after, refused.digests)
            records, deletes = records + some.living, deletes + some.before
            looked_at, after = looked_at + some.rows, some.last
    return Figures(records, deletes, len(refused.digests), refused.unreadable)
