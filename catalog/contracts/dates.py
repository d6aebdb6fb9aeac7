"""Real days and moments as regular expressions, so that a whole column is one match.

What nearly every value is stands first: days 1 to 28, the offset of Asia/Shanghai. Digits are
written out, because a counted class is slower.
"""

from typing import Final

_N: Final = "[0-9]"
_LEAP_YEAR: Final = rf"(?:{_N}{_N}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"


def day_pattern(separator: str) -> str:
    """Days of the proleptic Gregorian calendar, years 0001 to 9999."""
    month = f"{separator}(?:0[1-9]|1[0-2]){separator}"
    return (
        rf"(?:[1-9]{_N}{_N}{_N}{month}(?:0[1-9]|1{_N}|2[0-8])"
        rf"|(?!0000)(?:{_N}{_N}{_N}{_N}(?:{month}(?:0[1-9]|1{_N}|2[0-8])"
        rf"|{separator}(?:0[13-9]|1[0-2]){separator}(?:29|30)"
        rf"|{separator}(?:0[13578]|1[02]){separator}31)"
        rf"|{_LEAP_YEAR}{separator}02{separator}29))"
    )


DAY: Final = day_pattern("-")

_OFFSET: Final = rf"[+-](?:[01]{_N}|2[0-3]):[0-5]{_N}"
# RFC 3339 section 5.6, without leap seconds (few systems keep them) and with nine decimals at most.
MOMENT: Final = (
    rf"{DAY}[Tt](?:[01]{_N}|2[0-3]):[0-5]{_N}:[0-5]{_N}"
    rf"(?:\+08:00|(?:\.[0-9]{{1,9}})?(?:[Zz]|{_OFFSET}))"
)
