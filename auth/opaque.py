"""Random values that only their holder knows: secrets, codes, refresh tokens, cookies."""

import hashlib
import secrets

BYTES = 32


def new() -> str:
    """Return 256 random bits as text."""
    return secrets.token_urlsafe(BYTES)


def digest(value: str) -> bytes:
    """Return the SHA-256 that is stored; nobody guesses 256 bits, so no slow hash is needed."""
    return hashlib.sha256(value.encode()).digest()
