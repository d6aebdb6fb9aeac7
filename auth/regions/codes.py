"""How a division code is spelt: GB/T 2260, with extensions to 9 and 12 digits; pure."""

LEVELS = (2, 4, 6, 9, 12)
COUNTY_DIGITS = 6
TOWNSHIP_DIGITS = 9
# GB/T 2260 has no division above the regions; 100000 stands for the state.
STATE = "100000"
REGION = "450000"


def significant(region_code: str) -> str:
    """Return the digits of a division code that name its level: 450000 -> 45, 450100 -> 4501."""
    for length in LEVELS:
        if not region_code[length:].strip("0"):
            return region_code[:length]
    return region_code


def canonical(region_code: str) -> str:
    """Return the one spelling of a division: 450100000000 and 450100 are the same city."""
    return significant(region_code).ljust(COUNTY_DIGITS, "0")
