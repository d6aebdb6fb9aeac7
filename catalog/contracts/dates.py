"""Real days and moments as regular expressions, so that a whole column is one match."""

from typing import Final

_LEAP_YEAR: Final = r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"


def day_pattern(separator: str) -> str:
    """Days of the proleptic Gregorian calendar, years 0001 to 9999."""
    # Days 1 to 28 stand first: they decide nearly every date at once.
    return (
        rf"(?!0000)(?:[0-9]{{4}}{separator}(?:"
        rf"(?:0[1-9]|1[0-2]){separator}(?:0[1-9]|1[0-9]|2[0-8])"
        rf"|(?:0[13-9]|1[0-2]){separator}(?:29|30)"
        rf"|(?:0[13578]|1[02]){separator}31)"
        rf"|{_LEAP_YEAR}{separator}02{separator}29)"
    )


DAY: Final = day_pattern("-")

# RFC 3339 section 5.6, without leap seconds (few systems keep them) and with nine decimals at most.
MOMENT: Final = (
    rf"{DAY}[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{{1,9}})?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
