"""Administrative divisions (GB/T 2260, with 9 and 12 digit extensions) as a tree; pure."""

from collections.abc import Container, Iterator

from auth.principal import significant

COUNTY_DIGITS = 6
UPPER_LEVELS = (9, 6, 4, 2)


def canonical(region_code: str) -> str:
    """Return the one spelling of a division: 450100000000 and 450100 are the same city."""
    return significant(region_code).ljust(COUNTY_DIGITS, "0")


def ancestors(region_code: str) -> Iterator[str]:
    """Yield the divisions above, the nearest first: 450103001 -> 450103, 450100, 450000."""
    below = canonical(region_code)
    for digits in UPPER_LEVELS:
        if digits < len(significant(below)):
            upper = canonical(below[:digits])
            if upper != below:
                yield upper
                below = upper


def nearest(region_code: str, found: Container[str]) -> str | None:
    """Return the region itself or its nearest ancestor among `found`."""
    own = canonical(region_code)
    return next((code for code in (own, *ancestors(own)) if code in found), None)
