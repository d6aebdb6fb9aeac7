"""Real days and moments, as dates.py writes them."""

from catalog.contracts.scanning.numerals import digits_end
from kernel.machine.code import part
from kernel.machine.marks import COLON, DOUBT, MINUS, PLUS, POINT, ZERO
from kernel.machine.text import Bytes, byte_at


@part
def day_end(body: Bytes, at: int, separator: int) -> int:
    """A real day, its parts divided by so many hyphens."""
    if at + 8 + 2 * separator >= len(body):
        return DOUBT
    century, year = _two(body, at), _two(body, at + 2)
    if separator and (byte_at(body, at + 4) != MINUS or byte_at(body, at + 7) != MINUS):
        return DOUBT
    month, day = _two(body, at + 4 + separator), _two(body, at + 6 + 2 * separator)
    if century < 0 or year < 0 or century + year == 0 or not 1 <= month <= 12 or day < 1:
        return DOUBT
    if month == 2:
        leap = year % 4 == 0 if year else century % 4 == 0
        days = 29 if leap else 28
    else:
        days = 30 + (month + (month > 7)) % 2
    return at + 8 + 2 * separator if day <= days else DOUBT


@part
def moment_end(body: Bytes, at: int) -> int:
    """RFC 3339 with nine decimals at most and no leap second."""
    at = day_end(body, at, 1)
    if at == DOUBT or at + 9 >= len(body) or (byte_at(body, at) | 0x20) != ord("t"):
        return DOUBT
    if (
        byte_at(body, at + 3) != COLON
        or byte_at(body, at + 6) != COLON
        or not 0 <= _two(body, at + 7) <= 59
    ):
        return DOUBT
    if not (0 <= _two(body, at + 1) <= 23 and 0 <= _two(body, at + 4) <= 59):
        return DOUBT
    at += 9
    if byte_at(body, at) == POINT:
        end, _ = digits_end(body, at + 1)
        if not 2 <= end - at <= 10:
            return DOUBT
        at = end
    if (byte_at(body, at) | 0x20) == ord("z"):
        return at + 1
    if (byte_at(body, at) != PLUS and byte_at(body, at) != MINUS) or at + 6 >= len(body):
        return DOUBT
    right = 0 <= _two(body, at + 1) <= 23 and 0 <= _two(body, at + 4) <= 59
    return at + 6 if right and byte_at(body, at + 3) == COLON else DOUBT


@part
def _two(body: Bytes, at: int) -> int:
    """A number of two digits, -1 where there are none."""
    high, low = int(byte_at(body, at)) - ZERO, int(byte_at(body, at + 1)) - ZERO
    return high * 10 + low if 0 <= high <= 9 and 0 <= low <= 9 else -1
