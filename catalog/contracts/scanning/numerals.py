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
    negative = byte_at(body, at) == MINUS
    start = at + negative
    at, value = digits_end(body, start)
    digits = at - start
    if (
        digits < 1
        or digits > DIGITS_MAX
        or (byte_at(body, start) == ZERO and (digits > 1 or negative))
    ):
        return DOUBT
    value = -value if negative else value
    return (
        at
        if cell(plan, row + LOW) <= value <= cell(plan, row + HIGH) and _ends_number(body, at)
        else DOUBT
    )


@part
def decimal_end(body: Bytes, at: int, plan: Numbers, row: int) -> int:
    """A number without exponent, its digits counted as they are written."""
    negative = byte_at(body, at) == MINUS
    start = at + negative
    at, value = digits_end(body, start)
    digits = at - start
    if (
        digits < 1
        or (byte_at(body, start) == ZERO and digits > 1)
        or (negative and cell(plan, row + UNSIGNED))
    ):
        return DOUBT
    whole = digits - (byte_at(body, start) == ZERO)
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
        if whole + cell(plan, row + FRACTION) > DIGITS_MAX or not cell(
            plan, row + LOW
        ) <= value <= cell(plan, row + HIGH):
            return DOUBT
    return at


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
