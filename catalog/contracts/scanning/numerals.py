"""Integers and decimals with their bounds, as numbers.py sets them."""

from catalog.contracts.scanning.layout import (
    DIGITS_MAX,
    FRACTION,
    HIGH,
    LOW,
    RANGED,
    TOGETHER,
    UNSIGNED,
    WHOLE,
)
from kernel.machine.code import part
from kernel.machine.marks import CLOSE, COMMA, DOUBT, MINUS, NINE, POINT, QUOTE, SPACE, TAB, ZERO
from kernel.machine.text import Bytes, Numbers, byte_at, cell


@part
def integer_end(body: Bytes, at: int, plan: Numbers, row: int) -> int:
    negative, digits, at, value = _signed(body, at)
    if not 1 <= digits <= DIGITS_MAX or (negative and value == 0):
        return DOUBT
    value = -value if negative else value
    within = cell(plan, row + LOW) <= value <= cell(plan, row + HIGH)
    return at if within and _ends_number(body, at) else DOUBT


@part
def decimal_end(body: Bytes, at: int, plan: Numbers, row: int) -> int:
    """A number without exponent, its digits counted as they are written."""
    negative, digits, at, value = _signed(body, at)
    if digits < 1 or (negative and cell(plan, row + UNSIGNED)):
        return DOUBT
    whole = 0 if digits == 1 and value == 0 else digits
    fraction = 0
    if byte_at(body, at) == POINT:
        start = at + 1
        at, places = digits_end(body, start)
        fraction = at - start
        value = value * 10**fraction + places
        if fraction < 1:
            return DOUBT
    too_many = (
        whole > cell(plan, row + WHOLE)
        or fraction > cell(plan, row + FRACTION)
        or whole + fraction > cell(plan, row + TOGETHER)
    )
    if too_many or not _ends_number(body, at):
        return DOUBT
    if cell(plan, row + RANGED):
        value *= 10 ** (cell(plan, row + FRACTION) - fraction)
        value = -value if negative else value
        within = cell(plan, row + LOW) <= value <= cell(plan, row + HIGH)
        if not within or whole + cell(plan, row + FRACTION) > DIGITS_MAX:
            return DOUBT
    return at


@part
def _signed(body: Bytes, at: int) -> tuple[int, int, int, int]:
    """Whether a minus stands here, how many digits behind it, where they end, and their value.

    No digits where a zero leads others.
    """
    negative = int(byte_at(body, at) == MINUS)
    start = at + negative
    end, value = digits_end(body, start)
    digits = end - start
    if digits > 1 and byte_at(body, start) == ZERO:
        digits = 0
    return negative, digits, end, value


@part
def digits_end(body: Bytes, at: int) -> tuple[int, int]:
    """Where digits end, and their value unless they are too many to count."""
    value = 0
    while ZERO <= byte_at(body, at) <= NINE:
        value = value * 10 + byte_at(body, at) - ZERO
        at += 1
    return at, value


@part
def _ends_number(body: Bytes, at: int) -> bool:
    return byte_at(body, at) in (COMMA, CLOSE, QUOTE, SPACE, TAB)
