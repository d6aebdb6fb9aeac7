"""The unified social credit code of an organisation (GB 32100-2015); pure.

Only the last place is checked: modulo 31 it already covers the place that GB 11714 checks inside.
"""

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
LENGTH = 18
# 3 to the power of the place, modulo 31.
WEIGHTS = tuple(pow(3, place, 31) for place in range(LENGTH - 1))


def is_well_formed(code: str) -> bool:
    """Whether the code has 18 places of the alphabet and a numeric division."""
    division = code[2:8]
    return len(code) == LENGTH and set(code) <= set(ALPHABET) and division.isdigit()


def is_checked(code: str) -> bool:
    """Whether the last place of a well-formed code fits the others."""
    return code[-1] == check(code[:-1])


def check(body: str) -> str:
    """Return the last place for the seventeen before it."""
    places = zip(body, WEIGHTS, strict=True)
    return ALPHABET[-sum(ALPHABET.index(place) * weight for place, weight in places) % 31]
