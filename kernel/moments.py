"""Moments of RFC 3339, read and compared exactly, to however many digits they were written.

`datetime.fromisoformat` cuts fractions at microseconds and takes no lower-case `z` or `t`: two
moments a nanosecond apart would be equal. The contract, row filters and their checks read by this.
"""

import re
from datetime import date
from typing import Final, NamedTuple

SECONDS_A_DAY: Final = 86_400
_RFC_3339: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])"
    r"(?:\.([0-9]+))?(?:[Zz]|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))"
)


class Moment(NamedTuple):
    """Whole seconds since 0000-12-31T00:00:00Z, and the fraction's digits without zeros at the end.

    Such digits order as text exactly as the fractions do as numbers.
    """

    seconds: int
    fraction: str


def read_moment(text: str) -> Moment:
    """Return a moment that can be compared with any other; ValueError where it is none.

    A leap second is none: few systems keep them (docs/api.md).
    """
    match = _RFC_3339.fullmatch(text)
    if match is None:
        raise ValueError("not a moment of RFC 3339")
    day, hour, minute, second, fraction, sign, off_hour, off_minute = match.groups()
    seconds = date.fromisoformat(day).toordinal() * SECONDS_A_DAY
    seconds += int(hour) * 3600 + int(minute) * 60 + int(second)
    if sign:
        offset = int(off_hour) * 3600 + int(off_minute) * 60
        seconds += offset if sign == "-" else -offset
    return Moment(seconds, (fraction or "").rstrip("0"))
