"""How often likeness is right, on labelled pairs: `python -m tests.support.likeness` tells it.

Families of even numbers are the half that was held out while the rules were made: writings of one
datum are never in both halves.
"""

import csv
import sys
from dataclasses import dataclass
from pathlib import Path

from catalog.rules.similarity import SAME_DATUM, Datum, datum_score

PAIRS = Path(__file__).parents[1] / "unit" / "catalog" / "rules" / "data" / "datum_pairs.csv"
HELD_OUT, LOOKED_AT = 0, 1


@dataclass(frozen=True, slots=True)
class Figures:
    pairs: int
    precision: float
    recall: float


def pairs(half: int) -> list[tuple[str, str, bool]]:
    """Return the labelled pairs of a half, by the remainder of their family's number."""
    with PAIRS.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if int(row["family"]) % 2 == half]
    return [(row["one"], row["other"], row["same"] == "1") for row in rows]


def like(one: str, other: str) -> bool:
    return datum_score(Datum(name=one), Datum(name=other)) >= SAME_DATUM


def measured(half: int) -> Figures:
    found = [(like(one, other), same) for one, other, same in pairs(half)]
    right = sum(said and same for said, same in found)
    said = sum(said for said, _same in found)
    return Figures(len(found), right / said, right / sum(same for _said, same in found))


def main() -> None:
    for half, name in ((HELD_OUT, "held out"), (LOOKED_AT, "looked at")):
        of = measured(half)
        line = f"{name}: {of.pairs} pairs, precision {of.precision:.3f}, recall {of.recall:.3f}"
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
