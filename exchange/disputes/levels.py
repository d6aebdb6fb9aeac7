"""Which authority decides between two departments (Order 809 Art 28); pure."""

from collections.abc import Collection, Mapping

from auth.duties import administers
from auth.regions.codes import STATE, significant
from auth.regions.tree import covers, current


def above(upper: str, region_code: str) -> bool:
    """Whether an authority of the division `upper` may stand over a department of another.

    That of the autonomous region does so over departments of the state, while the state has none.
    """
    return covers(upper, region_code) or administers(upper, region_code)


def deciders(
    authorities: Mapping[str, str], regions: Collection[str], parties: Collection[str]
) -> frozenset[str]:
    """Return the lowest authorities above all regions, by their codes.

    `authorities` lead to their divisions. A party decides nothing of its own while there is
    another authority, on the same level or above.
    """
    over = {
        uscc: region
        for uscc, region in authorities.items()
        if all(above(region, each) for each in regions)
    }
    if STATE in regions and STATE in over.values():
        over = {uscc: region for uscc, region in over.items() if region == STATE}
    impartial = {uscc: region for uscc, region in over.items() if uscc not in parties} or over
    lowest = max((_level(region) for region in impartial.values()), default=0)
    return frozenset(uscc for uscc, region in impartial.items() if _level(region) == lowest)


def _level(region_code: str) -> int:
    """Return how low a division stands: the state is above every region."""
    code = current(region_code)
    return 0 if code == STATE else len(significant(code))
