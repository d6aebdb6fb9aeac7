"""Bounds of integers and decimals, read from a field once."""

import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from typing import Final

from catalog.contracts.model import Field

INTEGER_MIN: Final = -(2**63)
INTEGER_MAX: Final = 2**63 - 1
DIGITS_MAX: Final = 38
"""Digits of a decimal whose standard names no precision, on each side of the point."""

INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)")
PLAIN: Final = re.compile(r"-?(0|[1-9][0-9]*)(?:\.([0-9]+))?")
_EXPONENT_LENGTH_MAX: Final = 100


def integer_bounds(field: Field) -> tuple[int, int]:
    """Lowest and highest value, both inclusive, never beyond 64 bits."""
    low, high = INTEGER_MIN, INTEGER_MAX
    if field.precision is not None and field.precision < len(str(INTEGER_MAX)):
        low, high = 1 - 10**field.precision, 10**field.precision - 1
    if field.minimum is not None:
        low = max(low, int(field.minimum.to_integral_value(ROUND_CEILING)))
    if field.maximum is not None:
        high = min(high, int(field.maximum.to_integral_value(ROUND_FLOOR)))
    return low, high


@dataclass(frozen=True, slots=True)
class DecimalBounds:
    """Most digits before the point (a single 0 is none), after it, and together."""

    whole: int
    fraction: int
    together: int
    minimum: Decimal | None
    maximum: Decimal | None

    @property
    def ranged(self) -> bool:
        return self.minimum is not None or self.maximum is not None

    def pattern(self, *, signed: bool = True) -> str:
        """The plain notation of the numbers with these digits; the range is not in it."""
        whole = f"(?:0|[1-9][0-9]{{0,{self.whole - 1}}})" if self.whole else "0"
        fraction = rf"(?:\.[0-9]{{1,{self.fraction}}})?" if self.fraction else ""
        crowded = self.whole + self.fraction > self.together
        limit = rf"(?![1-9](?:\.?[0-9]){{{self.together}}})" if crowded else ""
        return f"{'-?' if signed else ''}{limit}{whole}{fraction}"

    def allow(self, text: str) -> bool:
        """Whether a number in JSON notation keeps digits and range.

        Plain notation counts the digits as written; with an exponent, those of the value.
        """
        plain = PLAIN.fullmatch(text)
        if plain:
            fits = self._fit(len(plain[1].lstrip("0")), len(plain[2] or ""))
            return fits and (not self.ranged or self.include(Decimal(text)))
        return len(text) <= _EXPONENT_LENGTH_MAX and self._allow_exponent(text)

    def include(self, value: Decimal) -> bool:
        above = self.minimum is None or value >= self.minimum
        return above and (self.maximum is None or value <= self.maximum)

    def _allow_exponent(self, text: str) -> bool:
        try:
            value = Decimal(text)
        except InvalidOperation:
            return False
        _, digits, exponent = value.as_tuple()
        written = "".join(map(str, digits)).lstrip("0")
        significant = written.rstrip("0")
        places = int(exponent) + len(written) - len(significant)
        whole, fraction = max(0, len(significant) + places), max(0, -places)
        return (not significant or self._fit(whole, fraction)) and self.include(value)

    def _fit(self, whole: int, fraction: int) -> bool:
        return (
            whole <= self.whole and fraction <= self.fraction and whole + fraction <= self.together
        )


def decimal_bounds(field: Field) -> DecimalBounds:
    precision, scale = field.precision, field.scale
    if precision is None:
        whole, fraction = DIGITS_MAX, DIGITS_MAX if scale is None else scale
        together = whole + fraction
    else:
        whole = precision - (scale or 0)
        fraction = precision if scale is None else scale
        together = precision
    return DecimalBounds(whole, fraction, together, field.minimum, field.maximum)
