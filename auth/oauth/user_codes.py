"""What a person types to name a device's request (RFC 8628 section 6.1); pure."""

import secrets
import unicodedata
from collections.abc import Iterable
from typing import Final

# No vowels, so no words; none of the letters and digits that are taken for one another.
ALPHABET: Final = "BCDFGHJKLMNPQRSTVWXZ"
LENGTH: Final = 8
TYPED_MAX: Final = 64


def new() -> str:
    """Return one of 25 thousand million codes."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def shown(code: str) -> str:
    """Return the code as it is read aloud: `BCDF-GHJK`."""
    return f"{code[:4]}-{code[4:]}"


def typed(text: str) -> str:
    """Return the code that was typed, however it was separated; "" for what is none."""
    if len(text) > TYPED_MAX:
        return ""
    letters = [letter for letter in unicodedata.normalize("NFKC", text).upper() if letter.isalnum()]
    return "".join(letters) if _is_code(letters) else ""


def _is_code(letters: Iterable[str]) -> bool:
    found = list(letters)
    return len(found) == LENGTH and set(found) <= set(ALPHABET)
